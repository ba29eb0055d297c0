//! What the daemon shows to people: the page at `/`, the report of an incident, `/live`.

use std::time::Duration;

use stallprof::model::live::{Late, Live, LiveCpu, LiveStep, STEP, STEPS};
use stallprof::render::html::live;
use stallprof::units::Nanos;

use crate::browser::Browser;
use crate::host::{Answer, Daemon, Folder, cpu, machine, stalls, wait};

const SIZES: [(u32, &str); 4] = [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")];

/// A daemon that has seen a storm, and the name of the incident it made of it.
fn after_a_storm(folder: &Folder) -> (Daemon, String) {
    let daemon = Daemon::start(folder, &["-s", "flight.before=4s", "-s", "flight.after=1s"]);
    stalls("irqsoff", 3, "80ms");
    wait("the incident", Duration::from_secs(10), || daemon.incidents().len() == 1);
    let id = daemon.incidents()[0]["id"].as_str().unwrap().to_owned();
    (daemon, id)
}

/// What was late is no contradiction to an incident that names a culprit already.
#[test]
fn the_page_tells_what_is_not_known_yet() {
    let seen = |analysed: Option<u64>| {
        let late = |ago, ms| LiveStep {
            ago,
            late: Late { interrupt_gap: Nanos::from_millis(ms), ..Late::default() },
        };
        let cpu = LiveCpu { strip: vec![late(2, 59), late(100, 90)], ..LiveCpu::default() };
        let analysed = analysed.map(Nanos::from_millis);
        let live = Live { step: STEP, steps: STEPS, cpus: vec![cpu], analysed, ..Live::default() };
        live::page(&live, &[]).replace('\u{a0}', " ")
    };
    let early = seen(None);
    assert!(early.contains("<h1>Something was late by 90.0 ms; who did it is known within 20 s<"));
    assert!(early.contains("Not known yet: the first analysis comes within 20 s."), "{early}");
    let later = seen(Some(6_000));
    assert!(later.contains("<h1>Something was late by 59.0 ms; who did it is known within 20 s<"));
    assert!(later.contains("until 6.00 s ago. Later stalls are told of within 20 s."), "{later}");
    let done = seen(Some(1_000));
    assert!(done.contains("90.0 ms in the last five minutes; no stall was found in it"), "{done}");
}

/// Opens an address in windows of all sizes: no complaint, nothing asked for, nothing cut off.
fn loads(browser: &mut Browser, daemon: &Daemon, path: &str) {
    for (width, theme) in SIZES {
        browser.look(width, theme);
        browser.visit(&format!("http://127.0.0.1:{}{path}", daemon.port));
        browser.settle();
        assert!(browser.complaints().is_empty(), "{path}: {:?}", browser.complaints());
        let wide = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= u64::from(width), "{path} is {wide} wide in a window of {width}");
        let ground = browser.eval("getComputedStyle(document.body).backgroundColor");
        assert_eq!(ground == "rgb(20, 23, 27)", theme == "dark", "{ground}");
    }
}

#[test]
fn the_page_and_the_report_load_without_a_complaint() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("pages");
    let (daemon, id) = after_a_storm(&folder);
    let culprits = || daemon.get("/live").unwrap().json()["culprits"].as_array().unwrap().len();
    wait("the culprit", Duration::from_secs(20), || culprits() > 0);

    let mut browser = Browser::start("daemon");
    browser.offline(false);
    loads(&mut browser, &daemon, "/");
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().unwrap();
    assert!(text.contains("stallgen"), "{text}");
    let marks = browser.eval("document.querySelectorAll('.lane rect:not(.was)').length");
    assert!(marks.as_u64().unwrap() > 0, "nothing is marked as late");
    let link = browser.eval("document.querySelector('#incidents a').getAttribute('href')");
    assert_eq!(link, format!("incidents/{id}/report.html"));

    loads(&mut browser, &daemon, &format!("/incidents/{id}/report.html"));
    let title = browser.eval("document.querySelector('h1').innerText");
    assert!(title.as_str().unwrap().contains(&format!("CPU\u{a0}{}", cpu())), "{title}");
    assert!(browser.eval("document.querySelectorAll('#timeline svg').length").as_u64() > Some(0));
    daemon.stop();
}

#[test]
fn reports_are_the_command_s_own_and_made_one_at_a_time() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("reports");
    let (daemon, id) = after_a_storm(&folder);
    let path = format!("/incidents/{id}/report.html");

    let page = folder.path("page.html");
    let recording = folder.path("store").join(format!("{id}.stall"));
    let made = crate::host::stallprof()
        .args(["report".as_ref(), recording.as_os_str(), "-o".as_ref(), page.as_os_str()])
        .output()
        .unwrap();
    assert!(made.status.success());
    assert_eq!(daemon.get(&path).unwrap().body, std::fs::read(&page).unwrap());

    let ask = || daemon.get(&path).map(|Answer { status, .. }| status);
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    wait("its turn", Duration::from_secs(10), || ask() == Some(200));
    assert_eq!(daemon.get("/healthz").unwrap().status, 200);

    for path in ["/incidents/x/report.html", "/incidents/..%2f..%2fetc/report.html"] {
        assert_eq!(daemon.get(path).unwrap().status, 404, "{path}");
    }
    // One that is gone, or was cut short by somebody else, is told of.
    std::fs::remove_file(&recording).unwrap();
    assert_eq!(ask(), Some(410));
    std::fs::write(&recording, "no recording").unwrap();
    assert_eq!(ask(), Some(410));
    daemon.stop();
}

#[test]
fn live_tells_what_is_going_on() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("live");
    let (daemon, _) = after_a_storm(&folder);
    let live = || daemon.get("/live?seconds=4").unwrap().json();
    let late = |live: &serde_json::Value| {
        let cpus = live["cpus"].as_array().unwrap().clone();
        let cpu = cpus.into_iter().find(|c| c["cpu"].as_u64() == cpu().parse().ok()).unwrap();
        cpu["strip"].as_array().unwrap().iter().any(|s| s["interrupt_gap"].as_u64() > Some(0))
    };
    assert!(late(&live()), "{}", live());
    wait("the culprit", Duration::from_secs(20), || {
        let told = live()["culprits"].as_array().unwrap().clone();
        told.iter().any(|c| c["who"] == "stallgen" && c["cause"] == "irqs_off")
    });
    let now = live();
    assert!(now["interval"].as_u64() > Some(0), "{now}");
    assert!(now["cpus"][0]["delay"]["count"].as_u64() > Some(0), "{now}");
    assert!(now["cpus"][0]["rx"].is_u64(), "{now}");
    for odd in ["?seconds=0", "?seconds=99999999999999999999", "?seconds=-1", "?x", "?seconds=%00"]
    {
        assert_eq!(daemon.get(&format!("/live{odd}")).unwrap().status, 200, "{odd}");
    }
    daemon.stop();
}
