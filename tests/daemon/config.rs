//! The configuration: what is refused, what is printed, what a reload does.

use std::time::Duration;

use crate::host::{Daemon, Folder, machine, stallprof, wait};

fn refused(toml: &str, set: &[&str]) -> String {
    let folder = Folder::new("refused");
    let file = folder.path("c.toml");
    std::fs::write(&file, toml).unwrap();
    let mut command = stallprof();
    command.args(["daemon", "--print-config", "--config"]).arg(&file);
    for set in set {
        command.args(["--set", set]);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "taken: {toml} {set:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_bad_one_is_refused_with_file_line_and_reason() {
    for (toml, place, reason) in [
        ("[flight]\nbefor = \"3s\"\n", "line 2, column 1", "unknown field `befor`"),
        ("\n[probes]\nfreq = 0\n", "line 3, column 8", "1 to 999 samples a second"),
        ("[probes]\nstall = \"5 parsecs\"\n", "line 2, column 9", "is not a duration"),
        ("[store]\nbytes = \"1 TB\"\n", "line 2, column 9", "is not a size"),
        ("[http]\nlisten = \"nowhere\"\n", "line 2, column 10", "is no address"),
        ("[http\n", "line 1", ""),
        ("flight = 3\n", "line 1", ""),
    ] {
        let said = refused(toml, &[]);
        assert!(said.contains("c.toml: ") && said.contains(place), "{toml}: {said}");
        assert!(said.contains(reason), "{toml}: {said}");
    }
    // Values that do not go together are told with the line of the one that asks for too much.
    let slow = "\n[triggers]\ncooldown = \"1m\"\nslow_cgroup_read = \"5ms\"\n";
    for (toml, place, reason) in [
        ("[triggers]\ninsert_failed = 3\n".to_owned(), "line 2: ", "add \"ct_stats\""),
        (slow.to_owned(), "line 4: ", "add \"syscall\""),
        (format!("{slow}[probes]\non = [\"syscall\"]"), "line 4: ", "probes.syscall_min"),
        ("[triggers]\nio_pressure = 101\n".to_owned(), "line 2, column 15", "0 to 100 per cent"),
        ("[triggers]\ninsert_failed = -1\n".to_owned(), "line 2, column 17", "integer `-1`"),
        ("[flight]\n\nmemory = \"1kB\"\n".to_owned(), "line 3: ", "less than 1 MiB"),
    ] {
        let said = refused(&toml, &[]);
        assert!(said.contains("c.toml: ") && said.contains(place), "{toml}: {said}");
        assert!(said.contains(reason), "{toml}: {said}");
    }
    for (toml, reason) in [
        ("[probes]\non = [\"softirk\"]\n", "no such probe: softirk"),
        ("[probes]\nstall = \"0\"\n", "would record everything"),
        ("[http]\nlisten = \"0.0.0.0:9747\"\n", "give a token_file"),
        ("[flight]\nbefore = \"2h\"\n", "1 h at most"),
        ("[store]\ndirectory = \"here\"\n", "whole path"),
    ] {
        let said = refused(toml, &[]);
        assert!(said.contains("c.toml: ") && said.contains(reason), "{toml}: {said}");
    }
    for set in ["http.lisen=off", "http=off", "freq", "probes.freq=many", "metrics.culprits=-1"] {
        assert!(refused("", &[set]).contains(&format!("--set {set}: ")));
    }
}

#[test]
fn what_is_printed_is_a_configuration_again() {
    let folder = Folder::new("printed");
    let print = |arguments: &[&str]| {
        let output = stallprof().args(["daemon", "--print-config"]).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let set = ["-s", "flight.before=90s", "-s", "http.listen=unix:/run/s", "-s", "probes.cpus=0"];
    let first = print(&set);
    for line in ["before = \"90s\"", "listen = \"unix:/run/s\"", "cpus = \"0\"", "freq = 99"] {
        assert!(first.contains(line), "{line}: {first}");
    }
    let file = folder.path("again.toml");
    std::fs::write(&file, &first).unwrap();
    assert_eq!(print(&["-c", file.to_str().unwrap()]), first);
}

/// Good and bad configurations by turns, and many at once: whatever is counted stays counted, a bad
/// one changes nothing.
#[test]
fn a_reload_loses_nothing_and_a_bad_one_changes_nothing() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("reload");
    let file = folder.path("c.toml");
    std::fs::write(&file, "[flight]\nafter = \"1s\"\n").unwrap();
    let daemon = Daemon::start(&folder, &["--config", file.to_str().unwrap()]);
    let count = |result: &str| {
        let series = format!("stallprof_config_reloads_total{{result=\"{result}\"}}");
        daemon.metric(&series).unwrap()
    };
    let raised = || daemon.metric("stallprof_softirq_delay_seconds_count{vector=\"TIMER\"}");
    wait("softirqs", Duration::from_secs(10), || raised().is_some_and(|n| n > 0.0));
    let before = raised().unwrap();

    std::fs::write(&file, "[flight]\nafter = 1\n").unwrap();
    daemon.signal(libc::SIGHUP);
    wait("the refusal", Duration::from_secs(5), || count("refused") == 1.0);
    assert_eq!(daemon.metric("stallprof_config_up_to_date"), Some(0.0));
    let log = daemon.log();
    assert!(log.contains("the old configuration stays: ") && log.contains("line 2"), "{log}");

    // Probes of another rate are attached before the old ones go.
    std::fs::write(&file, "[probes]\nfreq = 49\n[flight]\nafter = \"1s\"\n").unwrap();
    daemon.signal(libc::SIGHUP);
    wait("the reload", Duration::from_secs(10), || count("done") == 1.0);
    assert_eq!(daemon.metric("stallprof_config_up_to_date"), Some(1.0));
    for _ in 0..500 {
        daemon.signal(libc::SIGHUP);
        std::thread::sleep(Duration::from_millis(1));
    }
    let enough = || count("done") >= 2.0;
    wait("a storm of reloads to be over", Duration::from_secs(10), enough);
    let more = || raised().is_some_and(|now| now > before);
    wait("counting to go on", Duration::from_secs(10), more);
    daemon.stop();
}

/// What lies where the configuration was may be anything: it is refused at once, and the daemon
/// goes on with what it has.
#[test]
fn a_reload_from_what_is_no_file_is_refused_at_once() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("no-file");
    let (file, token) = (folder.path("c.toml"), folder.path("token"));
    let good = format!("[http]\ntoken_file = \"{}\"\n", token.display());
    std::fs::write(&file, &good).unwrap();
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let daemon = Daemon::start(&folder, &["--config", file.to_str().unwrap()]);
    let refused = |path: &std::path::Path, reason: &str| {
        let before = daemon.log().len();
        daemon.signal(libc::SIGHUP);
        wait(reason, Duration::from_secs(3), || daemon.log()[before..].contains(reason));
        let told = &daemon.log()[before..];
        assert!(told.contains("the old configuration stays: "), "{told}");
        assert!(told.contains(path.to_str().unwrap()), "{told}");
        assert_eq!(daemon.get("/healthz").unwrap().status, 200);
    };
    for path in [&file, &token] {
        let text = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        // SAFETY: a path that ends in NUL.
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        refused(path, "not a regular file");
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
        refused(path, "not a regular file");
        std::fs::remove_dir(path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
        refused(path, "not a regular file");
        std::fs::remove_file(path).unwrap();
        // A hole of 100 MB, of which no more than the bound is read.
        std::fs::File::create(path).unwrap().set_len(100 << 20).unwrap();
        refused(path, "longer than ");
        std::fs::write(path, [0xff, 0xfe, b'\n']).unwrap();
        refused(path, "not UTF-8");
        std::fs::remove_file(path).unwrap();
        refused(path, "No such file");
        std::fs::write(path, text).unwrap();
    }
    daemon.signal(libc::SIGHUP);
    let again = || daemon.log().contains("the configuration was read again");
    wait("the reload", Duration::from_secs(3), again);
    daemon.stop();
}
