//! The layout of `stallprof top`, from a made-up state, as text: `STALLPROF_BLESS=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use stallprof::model::live::*;
use stallprof::render::escape;
use stallprof::top::{App, Attached, Trust, draw};
use stallprof::units::Nanos;

const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (140, 40)];

fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

fn cpu(cpu: u32) -> LiveCpu {
    let spread = |p50, p99, max| Spread { count: 4711, p50: Nanos(p50), p99: Nanos(p99), max };
    LiveCpu {
        cpu,
        delay: Some(spread(950, 34_815, Nanos(475_135))),
        vectors: vec![
            ("TIMER".to_owned(), spread(9_000, 34_815, Nanos(475_135))),
            ("NET_RX".to_owned(), spread(383, 1_000, Nanos(250_000))),
        ],
        ksoftirqd: Some(spread(2_000, 60_000, Nanos(60_000))),
        rx: Some(u64::from(cpu) * 1000),
        ..LiveCpu::default()
    }
}

/// A node in trouble.
fn live() -> Live {
    let late = |gap: u64, delay: u64| Late {
        interrupt_gap: ms(gap),
        softirq_delay: ms(delay),
        ..Late::default()
    };
    let mut cpus: Vec<LiveCpu> = (0..4).map(cpu).collect();
    cpus[1].late = late(187, 0);
    cpus[1].strip = [(0, 187), (3, 40), (20, 60), (21, 12), (70, 210)]
        .map(|(ago, gap)| LiveStep { ago, late: late(gap, 0) })
        .to_vec();
    cpus[2].delay = Some(Spread { count: 9, p50: ms(1), p99: ms(31), max: ms(31) });
    cpus[2].strip = vec![LiveStep { ago: 1, late: late(0, 31) }];
    cpus[3] = LiveCpu { cpu: 3, ..LiveCpu::default() };
    let words = Brief {
        who: "cadvisor[2840]  read(2) of /sys/fs/cgroup/memory/memory.stat".to_owned(),
        deed: "held CPU 1 with interrupts off".to_owned(),
        workload: vec!["pod kube-system/cadvisor-x7k2p".to_owned()],
        measures: vec!["interrupt gap  187 ms (± 10.1 ms)".to_owned()],
        evidence: "no timer interrupt for 187 ms; the first one after it landed where \
                   css_rstat_flush turned interrupts back on"
            .to_owned(),
        witnesses: "samples that point to it: 1 of 1".to_owned(),
        stack: ["_raw_spin_unlock_irq", "css_rstat_flush", "memory_stat_show"]
            .map(str::to_owned)
            .to_vec(),
    };
    let culprit = |who: &str, cause: &str, count, worst: u64, ago: u64| LiveCulprit {
        who: who.to_owned(),
        cause: cause.to_owned(),
        count,
        worst: ms(worst),
        total: ms(worst * count),
        ago: ms(ago),
        cpus: vec![1, 2],
        ..LiveCulprit::default()
    };
    Live {
        schema: SCHEMA,
        version: "0.1.0".to_owned(),
        host: "node7".to_owned(),
        kernel: "6.18.0".to_owned(),
        running: Nanos(200_000_000_000),
        interval: ms(2_010),
        stall_threshold: ms(10),
        gap_threshold: Nanos(30_303_030),
        step: STEP,
        steps: STEPS,
        lost: 12,
        missing: vec![Missing { probes: vec!["hardirq".to_owned()], reason: "no BTF".to_owned() }],
        own: Own { cpu: ms(800), memory: 27_000_000 },
        analysed: Some(ms(1_500)),
        culprits: vec![
            LiveCulprit { words, ..culprit("cadvisor", "irqs_off", 13, 187, 1_500) },
            culprit("NET_RX softirq", "softirq_hog", 2, 31, 4_000),
            culprit("evil\x1b[2J\u{202e}\nname", "starved_by_tasks", 1, 12, 290_000),
        ],
        cpus,
        ..Live::default()
    }
}

fn press(app: &mut App, keys: &[KeyCode]) -> bool {
    keys.iter().all(|key| app.key(KeyEvent::new(*key, KeyModifiers::NONE)))
}

fn shown(app: &mut App, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells: Vec<&str> = buffer.content.iter().map(|cell| cell.symbol()).collect();
    let lines = cells.chunks(usize::from(width)).map(|line| line.concat().trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/top").join(name);
    if std::env::var_os("STALLPROF_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs (STALLPROF_BLESS=1 accepts it):\n{text}");
}

#[test]
fn the_layout_fits_small_and_large_terminals() {
    for size in SIZES {
        let mut app = App::new(true);
        app.take(live());
        let name = |what: &str| format!("{what}-{}x{}.txt", size.0, size.1);
        golden(&name("main"), &shown(&mut app, size));
        press(&mut app, &[KeyCode::Enter]);
        golden(&name("culprit"), &shown(&mut app, size));
        press(&mut app, &[KeyCode::Tab, KeyCode::Down]);
        golden(&name("cpu"), &shown(&mut app, size));
        press(&mut app, &[KeyCode::Esc, KeyCode::Char('?')]);
        golden(&name("help"), &shown(&mut app, size));
    }
}

/// In 80 columns the keys are all there, whatever the order and the interval.
#[test]
fn all_keys_fit_in_eighty_columns() {
    for table in 0..2 {
        let mut app = App::new(false);
        app.take(live());
        press(&mut app, &[KeyCode::Tab].repeat(table));
        press(&mut app, &[KeyCode::Char('+'); 4]);
        for key in "srsrsrsr".chars() {
            let text = shown(&mut app, (80, 24));
            let keys = text.lines().last().unwrap();
            assert!(keys.ends_with("+- 30 s  f freeze"), "{keys}");
            assert_eq!(text.lines().filter(|line| line.starts_with('>')).count(), 1, "{text}");
            press(&mut app, &[KeyCode::Char(key)]);
        }
    }
}

#[test]
fn nothing_of_any_size_makes_it_fall_over() {
    let mut many = live();
    many.cpus = (0..512).map(cpu).collect();
    many.culprits = (0..500)
        .map(|n| LiveCulprit { who: format!("{n}").repeat(500), ..many.culprits[0].clone() })
        .collect();
    let odd = Live {
        steps: u64::MAX,
        step: Nanos(0),
        cpus: vec![
            LiveCpu {
                cpu: u32::MAX,
                strip: vec![LiveStep {
                    ago: u64::MAX,
                    late: Late { handoff: Nanos(u64::MAX), ..Late::default() }
                }],
                rx: Some(u64::MAX / 2),
                ..LiveCpu::default()
            };
            2
        ],
        ..live()
    };
    for live in [many, odd, Live::default()] {
        for keys in ["", "\n", "\t\n", "?", "Gs", "\tGrs\n"] {
            for size in [(1, 1), (39, 9), (40, 10), (41, 11), (200, 60), (500, 200)] {
                let mut app = App::new(true);
                app.take(live.clone());
                for key in keys.chars() {
                    let code = match key {
                        '\n' => KeyCode::Enter,
                        '\t' => KeyCode::Tab,
                        key => KeyCode::Char(key),
                    };
                    press(&mut app, &[code]);
                }
                let text = shown(&mut app, size);
                assert!(!text.chars().any(|c| c != '\n' && escape::acts(c)), "{text}");
            }
        }
    }
}

#[test]
fn keys_do_what_the_help_says() {
    let mut app = App::new(false);
    app.take(live());
    let first = |app: &mut App| {
        let text = shown(app, (80, 24));
        let rows = text.lines().skip_while(|l| !l.contains(" who")).nth(1).unwrap();
        rows.to_owned()
    };
    assert!(first(&mut app).contains("cadvisor"));
    press(&mut app, &[KeyCode::Char('r')]);
    assert!(first(&mut app).contains("evil\\x1b"), "reversed: {}", first(&mut app));
    press(&mut app, &[KeyCode::Char('r'), KeyCode::Char('s'), KeyCode::Char('s')]);
    assert!(shown(&mut app, (120, 24)).contains("s by stalls"));
    // The chosen one stays chosen where the order changes.
    press(&mut app, &[KeyCode::Down, KeyCode::Char('r'), KeyCode::Enter]);
    assert!(shown(&mut app, (80, 24)).contains("2 stalls in 5 min"));
    press(&mut app, &[KeyCode::Esc, KeyCode::Char('+')]);
    assert_eq!(app.interval(), ms(4_000));
    press(&mut app, &[KeyCode::Char('-'), KeyCode::Char('-')]);
    assert_eq!(app.interval(), ms(2_000));

    press(&mut app, &[KeyCode::Char(' ')]);
    app.take(Live { host: "other".to_owned(), ..live() });
    let frozen = shown(&mut app, (80, 24));
    assert!(frozen.contains("node7") && frozen.contains("FROZEN"));
    press(&mut app, &[KeyCode::Char('f')]);
    app.take(Live { host: "other".to_owned(), ..live() });
    assert!(shown(&mut app, (80, 24)).contains("other"));

    assert!(!press(&mut app, &[KeyCode::Char('q')]));
    assert!(!press(&mut app, &[KeyCode::Esc]));
    assert!(press(&mut app, &[KeyCode::Char('?'), KeyCode::Esc]), "the help goes first");
    assert!(!app.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
}

/// Answers every request with these bytes, again and again if `endless`.
fn server(answer: &'static [u8], endless: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            while stream.write_all(answer).is_ok() && endless {}
            if answer.is_empty() {
                std::thread::sleep(Duration::from_secs(10));
            }
        }
    });
    url
}

#[test]
fn what_is_no_daemon_is_told_of_in_time() {
    let answers: [(&[u8], bool, &str); 7] = [
        (b"", false, "timeout"),
        (b"nonsense\r\n\r\n", false, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "not /live"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, "schema 0"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", false, ""),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", false, "status 500"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n                              ", true, ""),
    ];
    for (answer, endless, words) in answers {
        let began = Instant::now();
        let url = server(answer, endless);
        let error = format!("{:#}", Attached::to(&url, None, &Trust::default()).unwrap_err());
        assert!(error.contains(words) && error.contains(&url), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{error}: {:?}", began.elapsed());
    }
}
