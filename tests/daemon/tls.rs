//! TLS, with real certificates and curl: whom the daemon serves, what bad files and clients get.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::host::{Daemon, Folder, machine, stallprof, wait};
use crate::terminal::Pty;

fn openssl(folder: &Folder, arguments: &str) {
    let mut command = Command::new("openssl");
    let output = command.args(arguments.split(' ')).current_dir(folder.path("")).output();
    let output = output.expect("openssl: install it by tools/setup test");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// An authority, in NAME.pem and NAME.key.
fn authority(folder: &Folder, name: &str) {
    openssl(
        folder,
        &format!("req -x509 {KEY} -keyout {name}.key -out {name}.pem -subj /CN={name}"),
    );
}

/// A certificate by an authority, for the address that tests ask.
fn certificate(folder: &Folder, name: &str, by: &str) {
    openssl(folder, &format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
    std::fs::write(folder.path("san"), "subjectAltName=IP:127.0.0.1").unwrap();
    let by = format!("-CA {by}.pem -CAkey {by}.key -CAcreateserial -extfile san -days 2");
    openssl(folder, &format!("x509 -req -in {name}.csr {by} -out {name}.pem"));
}

/// What there is in all tests: an authority of servers, one of clients, one of somebody else.
pub fn certificates(name: &str) -> Folder {
    let folder = Folder::new(name);
    for name in ["servers", "clients", "strangers"] {
        authority(&folder, name);
    }
    certificate(&folder, "server", "servers");
    certificate(&folder, "client", "clients");
    certificate(&folder, "stranger", "strangers");
    folder
}

/// curl with arguments in which `@NAME` is a file of the folder: status and body; 0 where no answer
/// came.
pub fn curl(folder: &Folder, url: &str, arguments: &str) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["-s", "--max-time", "10", "-w", "\n%{http_code}", url]);
    for argument in arguments.split_whitespace() {
        match argument.strip_prefix('@') {
            Some(name) => command.arg(folder.path(name)),
            None => command.arg(argument),
        };
    }
    let output = command.output().expect("curl: install it by tools/setup test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

const TRUST: &str = "--cacert @servers.pem";
pub const SHOWN: &str = "--cacert @servers.pem --cert @client.pem --key @client.key";

fn daemon(folder: &Folder, toml: &str) -> Daemon {
    let file = folder.path("c.toml");
    let store = folder.path("store");
    let store = format!("[store]\ndirectory = \"{}\"\n", store.display());
    std::fs::write(&file, format!("{store}{toml}")).unwrap();
    let mut command = stallprof();
    command.arg("daemon").arg("-c").arg(&file);
    Daemon::start_until(folder, command, |daemon| {
        curl(folder, &format!("https://127.0.0.1:{}/readyz", daemon.port), TRUST).0 == 200
    })
}

pub fn section(folder: &Folder, names: [&str; 3]) -> String {
    let place = |name: &str| folder.path(name).display().to_string();
    let mut text =
        format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", place(names[0]), place(names[1]));
    if !names[2].is_empty() {
        text += &format!("client_ca = \"{}\"\n", place(names[2]));
    }
    text
}

#[test]
fn clients_are_served_by_their_certificate() {
    let Some(_machine) = machine() else { return };
    let folder = certificates("mtls");
    let daemon = daemon(&folder, &section(&folder, ["server.pem", "server.key", "clients.pem"]));
    let url = |path: &str| format!("https://127.0.0.1:{}{path}", daemon.port);
    let (status, body) = curl(&folder, &url("/metrics"), SHOWN);
    assert_eq!(status, 200);
    assert!(body.contains("stallprof_build_info"), "{body}");
    for path in ["/metrics", "/", "/incidents", "/live", "/incidents/x/report.html"] {
        let (status, body) = curl(&folder, &url(path), TRUST);
        assert_eq!((status, body.contains("certificate")), (403, true), "{path}: {body}");
    }
    // Whoever keeps it alive has none.
    assert_eq!(curl(&folder, &url("/healthz"), TRUST).0, 200);
    // Those of others are not even listened to.
    let stranger = "--cacert @servers.pem --cert @stranger.pem --key @stranger.key";
    assert_eq!(curl(&folder, &url("/metrics"), stranger).0, 0);
    assert_eq!(curl(&folder, &url("/healthz"), stranger).0, 0);
    // A client does not take somebody else for the daemon, and no other protocol does.
    assert_eq!(curl(&folder, &url("/metrics"), "--cacert @strangers.pem").0, 0);
    assert_eq!(curl(&folder, &url("/healthz"), &format!("{TRUST} --tls-max 1.2")).0, 0);
    assert!(daemon.get("/healthz").is_none(), "it answered what was not encrypted");

    let attach = |more: &[&str]| {
        let mut command = stallprof();
        command.args(["top", "--attach", &url("")]);
        for word in more {
            match word.strip_prefix('@') {
                Some(name) => command.arg(folder.path(name)),
                None => command.arg(word),
            };
        }
        Pty::run(command, (100, 24))
    };
    let shown = ["--ca", "@servers.pem", "--cert", "@client.pem", "--key", "@client.key"];
    let mut pty = attach(&shown);
    pty.shows("last 5 min", Duration::from_secs(5));
    pty.press("q");
    assert!(pty.ended().0.success());
    for (more, why) in [
        (&shown[..2], "give --cert and --key"),
        (&[][..], "give the authority of its certificate: --ca"),
        (&["--ca", "@strangers.pem"][..], "--attach https://127.0.0.1:"),
        (&["--ca", "@client.key"][..], "there is no certificate in it"),
        (&["--ca", "@nowhere"][..], "No such file"),
    ] {
        let (status, text) = attach(more).ended();
        assert_eq!(status.code(), Some(1), "{more:?}: {text}");
        assert!(text.replace("\r\n", "").replace('\n', "").contains(why), "{more:?}: {text}");
    }
    daemon.stop();
}

/// New files are in force after SIGHUP; bad ones are refused and the old stay.
#[test]
fn certificates_are_read_again() {
    let Some(_machine) = machine() else { return };
    let folder = certificates("rotated");
    let daemon = daemon(&folder, &section(&folder, ["server.pem", "server.key", ""]));
    assert!(daemon.log().contains(&format!("https://127.0.0.1:{}/", daemon.port)));
    let url = format!("https://127.0.0.1:{}/metrics", daemon.port);
    let count = |result: &str| {
        let series = format!("stallprof_config_reloads_total{{result=\"{result}\"}} ");
        let trust = format!("{TRUST} --cacert @strangers.pem");
        let text = [TRUST, trust.as_str()].map(|trust| curl(&folder, &url, trust).1).concat();
        text.lines().find_map(|l| l.strip_prefix(&series)?.parse().ok()).unwrap_or(0)
    };
    let reloaded = |result: &str, to: u32| {
        daemon.signal(libc::SIGHUP);
        wait("the reload", Duration::from_secs(10), || count(result) == to);
    };
    // Without its end, and the key of another.
    let key = std::fs::read(folder.path("server.key")).unwrap();
    std::fs::write(folder.path("server.key"), &key[..key.len() / 2]).unwrap();
    reloaded("refused", 1);
    std::fs::copy(folder.path("client.key"), folder.path("server.key")).unwrap();
    reloaded("refused", 2);
    let log = daemon.log();
    assert!(log.contains("the old configuration stays: tls.key: "), "{log}");
    assert!(log.contains("it is not the key of the certificate in"), "{log}");
    assert_eq!(curl(&folder, &url, TRUST).0, 200);
    // Another certificate, by another authority.
    std::fs::copy(folder.path("stranger.key"), folder.path("server.key")).unwrap();
    std::fs::copy(folder.path("stranger.pem"), folder.path("server.pem")).unwrap();
    reloaded("done", 1);
    assert_eq!(curl(&folder, &url, TRUST).0, 0);
    assert_eq!(curl(&folder, &url, "--cacert @strangers.pem").0, 200);
    daemon.stop();
}

/// More clients than there are places begin a handshake and do not go on with it.
#[test]
fn slow_handshakes_do_not_keep_others_out() {
    let Some(_machine) = machine() else { return };
    let folder = certificates("slow-tls");
    let places = "[http]\nconnections = 16\n";
    let tls = section(&folder, ["server.pem", "server.key", "clients.pem"]);
    let daemon = daemon(&folder, &(places.to_owned() + &tls));
    let slow: Vec<TcpStream> = (0..24)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
            // The head of a record with a ClientHello, and no more.
            stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    let url = format!("https://127.0.0.1:{}/healthz", daemon.port);
    let answered = || curl(&folder, &url, TRUST).0 == 200;
    wait("an answer", Duration::from_secs(12), answered);
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let mut first = &slow[0];
    first.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    // It is closed, by an end or a reset.
    if let Err(error) = first.read_to_end(&mut rest) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "it was left open");
    }
    daemon.stop();
}

fn refused(folder: &Folder, names: [&str; 3], set: &[&str]) -> String {
    let file = folder.path("bad.toml");
    std::fs::write(&file, section(folder, names)).unwrap();
    let mut command = stallprof();
    command.arg("daemon").arg("-c").arg(&file);
    command.arg("-s").arg(format!("store.directory={}", folder.path("store").display()));
    let listen = format!("http.listen=127.0.0.1:{}", crate::host::free_port());
    command.args(["-s", &listen]);
    for set in set {
        command.args(["-s", set]);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{names:?} {set:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_files_are_refused_with_their_name() {
    let Some(_machine) = machine() else { return };
    let folder = certificates("bad-tls");
    let garbage: Vec<u8> = (0..=255).collect();
    std::fs::write(folder.path("garbage"), garbage).unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path("none.pem"), pem).unwrap();
    std::fs::write(folder.path("empty"), "").unwrap();
    std::fs::File::create(folder.path("long")).unwrap().set_len(2 << 20).unwrap();
    for (names, key, why) in [
        (["missing", "server.key", ""], "tls.certificate: ", "No such file"),
        (["server.pem", "missing", ""], "tls.key: ", "No such file"),
        (["server.pem", "server.key", "missing"], "tls.client_ca: ", "No such file"),
        (["garbage", "server.key", ""], "tls.certificate: ", "there is no certificate in it"),
        (["empty", "server.key", ""], "tls.certificate: ", "there is no certificate in it"),
        (["long", "server.key", ""], "tls.certificate: ", "longer than 1MiB"),
        (["none.pem", "server.key", ""], "tls.certificate: ", "none.pem"),
        (["server.pem", "server.pem", ""], "tls.key: ", "there is no key in it"),
        (["server.pem", "client.key", ""], "tls.key: ", "not the key of the certificate"),
        (["server.pem", "server.key", "none.pem"], "tls.client_ca: ", "a certificate in it"),
        (["server.pem", "server.key", "client.key"], "tls.client_ca: ", "there is no certificate"),
    ] {
        let said = refused(&folder, names, &[]);
        assert!(said.contains(key) && said.contains(why), "{names:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let whole = ["server.pem", "server.key", ""];
    let said = refused(&folder, whole, &["http.listen=0.0.0.0:0"]);
    assert!(said.contains("http.listen: ") && said.contains("client_ca in [tls]"), "{said}");
    let said = refused(&folder, whole, &["tls.key="]);
    assert!(said.contains("tls.certificate: give its key too"), "{said}");
    let said = refused(&folder, whole, &["tls.certificate="]);
    assert!(said.contains("tls.key: give the certificate too"), "{said}");
    let unix = format!("http.listen=unix:{}", folder.path("socket").display());
    assert!(refused(&folder, whole, &[&unix]).contains("is for its owner alone"));
}

/// A daemon that others can reach goes on asking them, whatever a new configuration says of where
/// to listen: that changes with a restart only.
#[test]
fn where_it_listens_is_what_counts() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("listens");
    let (file, token) = (folder.path("c.toml"), folder.path("token"));
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let port = crate::host::free_port();
    let write = |http: &str| {
        let store = folder.path("store");
        let store = format!("[store]\ndirectory = \"{}\"\n", store.display());
        std::fs::write(&file, format!("{store}[http]\n{http}\n")).unwrap();
    };
    let ask = format!("token_file = \"{}\"", token.display());
    write(&format!("listen = \"0.0.0.0:{port}\"\n{ask}"));
    let mut command = stallprof();
    command.arg("daemon").arg("-c").arg(&file);
    let mut daemon = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let url = format!("http://127.0.0.1:{port}/metrics");
    let answered = || curl(&folder, &url, "").0 == 401;
    let up = std::panic::catch_unwind(|| wait("it to be up", Duration::from_secs(20), answered));
    write(&format!("listen = \"127.0.0.1:{port}\""));
    // SAFETY: our own child, not yet waited for.
    unsafe { libc::kill(daemon.id() as i32, libc::SIGHUP) };
    std::thread::sleep(Duration::from_secs(1));
    let status = curl(&folder, &url, "").0;
    daemon.kill().unwrap();
    let said = String::from_utf8_lossy(&daemon.wait_with_output().unwrap().stderr).into_owned();
    assert!(up.is_ok(), "{said}");
    assert_eq!(status, 401, "{said}");
    assert!(said.contains("the old configuration stays: while it listens on 0.0.0.0:"), "{said}");
}
