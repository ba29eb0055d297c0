//! What stallgen says it did.

use std::path::Path;

use serde_json::Value;

/// A run of stallgen.
pub struct Truth {
    pub tgid: Option<u64>,
    pub tid: Option<u64>,
    pub file: Option<String>,
    pub syscall: Option<String>,
    pub stalls: Vec<TrueStall>,
}

/// One stall that was made.
#[derive(Debug)]
pub struct TrueStall {
    pub start: u64,
    pub duration: u64,
    /// The longest wait of a packet in it.
    pub victim_wait: u64,
    /// When ksoftirqd was woken into it, and when it was switched in.
    pub ksoftirqd: Option<(u64, u64)>,
}

impl TrueStall {
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }
}

impl Truth {
    pub fn read(path: &Path) -> Truth {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let (head, end) = (lines.first().unwrap(), lines.last().unwrap());
        assert_eq!(head["clock"], "CLOCK_MONOTONIC");
        assert_eq!(end["complete"], true, "stallgen did not finish");
        let text = |v: &Value| v.as_str().map(str::to_owned);
        Truth {
            tgid: head["tgid"].as_u64(),
            tid: head["tid"].as_u64(),
            file: text(&head["file"]),
            syscall: text(&head["syscall"]),
            stalls: lines.iter().filter(|l| l["type"] == "stall").map(stall).collect(),
        }
    }
}

fn stall(line: &Value) -> TrueStall {
    let number = |key: &str| line[key].as_u64().unwrap();
    TrueStall {
        start: number("start_ns"),
        duration: number("duration_ns"),
        victim_wait: number("victim_wait_ns"),
        ksoftirqd: line["ksoftirqd_woken_ns"].as_u64().zip(line["ksoftirqd_in_ns"].as_u64()),
    }
}
