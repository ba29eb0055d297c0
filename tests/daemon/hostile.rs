//! Requests that nobody writes: each is answered or cut off, and the daemon stays as it is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::host::{Daemon, Folder, machine, wait};
use crate::soak::{amount, size};

const SEEDS: [&str; 6] = [
    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\n\r\n",
    "GET /live?seconds=4 HTTP/1.1\r\nHost: 127.0.0.1:9747\r\n\r\n",
    "GET /incidents/20260101T000000.000Z/report.html HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    "POST /incidents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
    "GET /incidents HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

/// The same numbers each time: xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Some bytes of a request become others, go, come twice or change places with those of another.
fn mutated(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = SEEDS[numbers.below(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len().max(1)).min(bytes.len());
        let end = (at + numbers.below(20)).min(bytes.len());
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].repeat(1 + numbers.below(200));
                bytes.splice(at..at, part);
            }
            3 => drop(bytes.splice(at..at, *b"%2e%2e%2f%00")),
            4 => bytes.truncate(at),
            _ => {
                let other = SEEDS[numbers.below(SEEDS.len())].as_bytes();
                let from = numbers.below(other.len());
                bytes.splice(at..end, other[from..].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn requests_that_nobody_writes() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("hostile");
    // None of them may cut an incident, as it comes by default.
    let daemon = Daemon::start(&folder, &[]);
    daemon.get("/metrics").unwrap();
    let (before, fds) = size(&daemon);
    let mut numbers = Numbers(0x5ca1_ab1e);
    let (mut answered, mut statuses) = (0, std::collections::BTreeSet::new());
    for _ in 0..amount("STALLPROF_REQUESTS", 3_000) {
        let request = mutated(&mut numbers);
        let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        // It may have enough before it has read all.
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let late = |e: &std::io::Error| e.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!read.as_ref().is_err_and(late), "left open: {:?}", request.escape_ascii());
        let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
        if let Some(status) = status {
            answered += 1;
            statuses.insert(String::from_utf8_lossy(status).into_owned());
            let text = String::from_utf8_lossy(&answer);
            assert!(!text.contains("root:x:0"), "a file: {:?}", request.escape_ascii());
        }
    }
    eprintln!("{answered} answered: {statuses:?}");
    // As many kinds of answers as there are, and none of a handler that fell over.
    assert!(answered > 500 && statuses.len() >= 4, "{answered}: {statuses:?}");
    assert!(!statuses.contains("500") && !statuses.contains("202"), "{statuses:?}");
    assert_eq!(daemon.get("/healthz").unwrap().status, 200);
    wait("connections to close", Duration::from_secs(8), || size(&daemon).1 <= fds + 2);
    let (after, _) = size(&daemon);
    assert!(after < before + (16 << 20), "memory grew: {before} -> {after} bytes");
    assert!(daemon.incidents().is_empty());
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// A long recording, and as many clients as there are places that ask for it and do not read on:
/// none of them has a copy of its own in memory, and who reads gets all of it.
#[test]
fn clients_that_do_not_read_take_no_memory() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("unread");
    let set = ["-s", "flight.after=1ms", "-s", "flight.before=1s", "-s", "http.connections=50"];
    let daemon = Daemon::start(&folder, &set);
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(10), || daemon.incidents().len() == 1);
    let id = daemon.incidents()[0]["id"].as_str().unwrap().to_owned();
    daemon.stop();
    // What follows the last block is not looked at for the index.
    let path = folder.path("store").join(format!("{id}.stall"));
    let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(20 << 20).unwrap();
    let daemon = Daemon::start(&folder, &set);
    let whole = |daemon: &Daemon| daemon.get(&format!("/incidents/{id}")).unwrap().body;
    assert!(whole(&daemon) == std::fs::read(&path).unwrap(), "what is sent is the file");
    let (before, _) = size(&daemon);
    let request = format!("GET /incidents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let clients: Vec<TcpStream> = (0..49)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            // The answer has begun.
            stream.read_exact(&mut [0; 9]).unwrap();
            stream
        })
        .collect();
    let (after, _) = size(&daemon);
    eprintln!("RSS {before} -> {after} bytes");
    assert!(after < before + (24 << 20), "memory grew: {before} -> {after} bytes");
    assert!(whole(&daemon).len() == 20 << 20, "it gets all of it meanwhile");
    drop(clients);
    daemon.stop();
}
