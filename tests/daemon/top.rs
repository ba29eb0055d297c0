//! `stallprof top` on a terminal: real stalls, real keys, and a terminal that is given back.

use std::process::{Command, Stdio};
use std::time::Duration;

use stallprof::model::live::Live;
use stallprof::top::{Source, Told};
use stallprof::units::Nanos;

use crate::host::{Daemon, Folder, machine, stallprof, stalls};
use crate::terminal::Pty;

const SOON: Duration = Duration::from_secs(5);
const SIZE: (u16, u16) = (80, 24);

fn top(arguments: &[&str]) -> Command {
    let mut command = stallprof();
    command.arg("top").args(arguments);
    command
}

#[test]
fn it_names_who_stalls_this_host() {
    let Some(_machine) = machine() else { return };
    let mut pty = Pty::run(top(&[]), SIZE);
    pty.shows("last 5 min", Duration::from_secs(10));
    // So that latencies are there, too.
    pty.shows(" us", SOON);
    assert!(pty.taken());
    stalls("irqsoff", 4, "80ms");
    pty.shows("stallgen", Duration::from_secs(10));
    let text = pty.text();
    let row = text.lines().find(|line| line.contains("stallgen")).unwrap();
    assert!(row.contains("interrupts off"), "{text}");
    assert!(text.lines().any(|line| line.ends_with('▅')), "nothing on the strip:\n{text}");
    pty.press("?");
    pty.shows("Keys and columns", SOON);
    pty.press("?\r");
    pty.shows("The longest, ", SOON);
    pty.shows("read(2) of", SOON);
    pty.press("\r\t\r");
    pty.shows("Softirq delays of the last", SOON);
    pty.press("\x1b");
    std::thread::sleep(Duration::from_millis(300));
    pty.press("+");
    pty.shows("+- 4 s", SOON);
    pty.press("q");
    let (status, text) = pty.ended();
    assert!(status.success(), "{status}: {text}");
}

#[test]
fn it_shows_what_a_daemon_measures_and_says_when_that_is_gone() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("attach");
    let file = folder.path("token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let set = format!("http.token_file={}", file.display());
    let daemon = Daemon::start(&folder, &["-s", "flight.before=4s", "-s", &set]);
    let url = format!("http://127.0.0.1:{}", daemon.port);
    let (_, text) = Pty::run(top(&["--attach", &url]), SIZE).ended();
    assert!(text.contains("--token-file"), "{text}");

    let token = ["--attach", &url, "--token-file", file.to_str().unwrap()];
    let pty = Pty::run(top(&token), SIZE);
    pty.shows("last 5 min", SOON);
    stalls("irqsoff", 2, "80ms");
    pty.shows("stallgen", Duration::from_secs(20));
    daemon.stop();
    pty.shows("no answer from", SOON);
    assert!(pty.text().contains("stallgen"), "what was known stays");
    pty.signal(libc::SIGTERM);
    let (status, text) = pty.ended();
    assert!(status.success(), "{status}: {text}");
    let (status, text) = Pty::run(top(&["--attach", &url]), SIZE).ended();
    assert!(!status.success() && text.contains("--attach"), "{text}");
}

#[test]
fn without_a_terminal_or_with_a_small_one_it_says_what_to_do() {
    let output = top(&[]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("needs a terminal") && text.contains("stallprof record"), "{text}");
    assert!(output.stdout.is_empty());
    let (status, text) = Pty::run(top(&[]), (39, 24)).ended();
    assert_eq!(status.code(), Some(1));
    assert!(text.replace('\n', "").contains("39 columns and 24 lines"), "{text}");
    for url in ["127.0.0.1:9747", "https://127.0.0.1:1", "file:///etc/passwd", "http://"] {
        let (status, text) = Pty::run(top(&["--attach", url]), SIZE).ended();
        assert_eq!(status.code(), Some(1), "{url}");
        assert!(text.contains("--attach"), "{url}: {text}");
    }
}

/// Gives out after the first look.
struct Panics(u32);

impl Source for Panics {
    fn read(&mut self, _: Nanos) -> Told {
        self.0 += 1;
        assert!(self.0 < 3, "a panic on purpose");
        Told::Now(Box::new(Live { host: "before the panic".to_owned(), ..Live::default() }))
    }
}

const INNER: &str = "STALLPROF_TEST_TOP_PANICS";

/// Runs itself on a terminal of its own, and panics there.
#[test]
fn a_panic_gives_the_terminal_back() {
    if std::env::var_os(INNER).is_some() {
        let _ = stallprof::top::run(&mut Panics(0), true);
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "top::a_panic_gives_the_terminal_back", "--nocapture"]);
    command.env(INNER, "1").env("RUST_BACKTRACE", "0");
    let pty = Pty::run(command, (100, 30));
    pty.shows("before the panic", SOON);
    let (status, text) = pty.ended();
    assert_eq!(status.code(), Some(101), "{text}");
    assert!(text.contains("a panic on purpose"), "{text}");
}
