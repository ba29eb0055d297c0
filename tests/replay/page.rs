//! `stallprof report -o PAGE.html --svg DIR` as a command: what it writes, and what it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::folder;

/// A folder of its own that goes away.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path =
            std::env::temp_dir().join(format!("stallprof-page-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn report(recording: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallprof"));
    command.arg("report").arg(recording).args(options).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_page_and_its_figures() {
    let dir = Scratch::new("whole");
    let (page, figures) = (dir.0.join("incident.html"), dir.0.join("figures"));
    let (page_name, figures_name) = (page.to_str().unwrap(), figures.to_str().unwrap());
    let recording = folder().join("memcg.stall");
    let output = report(&recording, &["-o", page_name, "--svg", figures_name]);
    let words = told(&output);
    assert!(output.status.success(), "{words}");
    assert_eq!(output.stdout, report(&recording, &[]).stdout, "the report as ever");
    assert!(words.contains("incident.html, the report as a page\n"), "{words}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert!(html.contains("stallprof report memcg.stall -o report.html"));
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(&figures).unwrap().map(|e| e.unwrap().file_name()).collect();
    for name in ["timeline.svg", "held.svg", "profile.svg", "difference.svg", "heat-stalls.svg"] {
        assert!(names.iter().any(|n| n == name), "no {name} in {names:?}");
        assert!(fs::read_to_string(figures.join(name)).unwrap().starts_with("<svg "), "{name}");
    }
    // Neither is replaced unless that is asked for.
    let again = report(&recording, &["-o", page_name]);
    assert!(!again.status.success() && told(&again).contains("--force"), "{}", told(&again));
    let again = report(&recording, &["--svg", figures_name]);
    assert!(!again.status.success() && told(&again).contains("--force"), "{}", told(&again));
    let again = report(&recording, &["-o", page_name, "--svg", figures_name, "--force"]);
    assert!(again.status.success(), "{}", told(&again));
    assert_eq!(fs::read_to_string(&page).unwrap(), html);
}

#[test]
fn a_recording_is_never_written_over() {
    let dir = Scratch::new("over");
    let recording = dir.0.join("odd.html");
    fs::copy(folder().join("quiet.stall"), &recording).unwrap();
    let before = fs::read(&recording).unwrap();
    let link = dir.0.join("link.html");
    std::os::unix::fs::symlink(&recording, &link).unwrap();
    let output = report(&recording, &["--force", "-o", recording.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("is the recording itself"), "{}", told(&output));
    let output = report(&link, &["--force", "-o", recording.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(&recording).unwrap(), before);
}

#[test]
fn wrong_names_are_told() {
    let dir = Scratch::new("names");
    let quiet = folder().join("quiet.stall");
    let refused = |options: &[&str], why: &str| {
        let output = report(&quiet, options);
        assert_eq!(output.status.code(), Some(1), "{options:?}");
        assert!(told(&output).contains(why), "{options:?}: {}", told(&output));
        assert_eq!(told(&output).lines().count(), 1, "{}", told(&output));
    };
    let name = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    refused(&["-o", &name("x.json")], "give it a name that ends in .html");
    refused(&["-o", &name("none/x.html")], "there is no directory");
    refused(&["-o", &name("x.html"), "--flame", &name("x.html")], "two");
    refused(&["--svg", &name("none/figures")], "No such file or directory");
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 0, "something was left");
}
