//! Health of the node in the made-up incident: findings of each severity, and of each kind of time.

use super::names::Names;
use super::tape::at;
use stallprof::health::checks::by_name;
use stallprof::model::findings::{Health, HealthFinding};
use stallprof::model::health::{Finding, Severity, Window};
use stallprof::units::Nanos;

pub fn health(names: &Names) -> Health {
    let of = |name: &'static str, finding: Finding, told_in| {
        let check = by_name(name).unwrap();
        let mut finding = finding.because(check.why).helped_by(check.help);
        if finding.prove.is_empty() {
            finding = finding.proved_by(check.prove);
        }
        finding.check = name.into();
        HealthFinding { finding, told_in }
    };
    let lost = |place: &str| {
        let finding = Finding::new(Severity::Warning, "3 handshakes dropped").on(place);
        let prove = format!("nsenter -t 4711 -n nstat -asz {place}");
        finding.during(Window::Within(Nanos(503_000_000))).number("drops", 3).proved_by(prove)
    };
    let findings = vec![
        of(
            "dying-memcgs",
            Finding::new(Severity::Critical, "23,411 dying memory cgroups (v1)")
                .number("dying", 23_411),
            Some("slow_files"),
        ),
        of("listen-overflows", lost(names.comm), None),
        of("listen-overflows", lost("host"), None),
        of(
            "pressure",
            Finding::new(Severity::Warning, "full 18.20 %").on("memory").during(Window::TenSeconds),
            None,
        ),
        of("rules", Finding::unknown("nft: Operation not permitted (os error 1)"), None),
        of(
            "softnet-drops",
            Finding::new(Severity::Notice, "12 dropped, none in 0.5 s").during(Window::SinceBoot),
            None,
        ),
        of("steal", Finding::new(Severity::Ok, "0.0 %").during(Window::Within(Nanos(5))), None),
    ];
    Health { time: at(30_912.0), worst: Severity::Critical, findings }
}
