//! Pressure stall information: `/proc/pressure` (Documentation/accounting/psi.rst).

use super::root::{HostError, HostRoot};

/// What is pressed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Time on a CPU.
    Cpu,
    /// Memory.
    Memory,
    /// Block devices.
    Io,
    /// Interrupts took the CPU; only with CONFIG_IRQ_TIME_ACCOUNTING, since 6.1.
    Irq,
}

impl Resource {
    /// Name of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Io => "io",
            Resource::Irq => "irq",
        }
    }
}

/// Share of the last 10 s, in hundredths of a per cent so that it stays exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// In which at least one task waited; `irq` does not tell it.
    pub some: Option<u32>,
    /// In which no task got on; of the CPU it means nothing for the whole system.
    pub full: Option<u32>,
}

impl Pressure {
    /// Reads one file.
    ///
    /// # Errors
    /// It is not there or cannot be understood; EOPNOTSUPP with psi=0 on the command line.
    pub fn read(root: &HostRoot, of: Resource) -> Result<Pressure, HostError> {
        let rel = format!("proc/pressure/{}", of.name());
        Pressure::parse(&root.read_to_string(&rel)?).ok_or_else(|| HostError::Content {
            path: root.path(&rel),
            what: "no averages over 10 s".to_owned(),
        })
    }

    /// Reads the lines `some avg10=0.12 avg60=... total=...` and `full ...`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Pressure> {
        let mut found = Pressure::default();
        for line in text.split_inclusive('\n') {
            let mut words = line.strip_suffix('\n')?.split(' ');
            let (kind, avg10) = (words.next()?, words.next()?.strip_prefix("avg10=")?);
            match kind {
                "some" => found.some = Some(hundredths(avg10)?),
                "full" => found.full = Some(hundredths(avg10)?),
                _ => {}
            }
        }
        (found != Pressure::default()).then_some(found)
    }
}

/// `12.34` as 1234; nothing above 100 %.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.')?;
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() != 2 {
        return None;
    }
    let value = whole.parse::<u32>().ok()?.checked_mul(100)? + part.parse::<u32>().ok()?;
    (value <= 10_000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_seconds() {
        let text = "some avg10=76.54 avg60=62.75 avg300=48.39 total=635621776\n\
            full avg10=0.05 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(Pressure::parse(text), Some(Pressure { some: Some(7654), full: Some(5) }));
        let irq = "full avg10=1.20 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(Pressure::parse(irq), Some(Pressure { some: None, full: Some(120) }));
        for odd in [
            "",
            "\n",
            "some\n",
            "some avg10=x\n",
            "some avg10=-1.00\n",
            "some avg10=1.2\n",
            "some avg10=100.01\n",
            "some avg10=99999999999.00\n",
            "some avg10=1.00",
        ] {
            assert_eq!(Pressure::parse(odd), None, "{odd:?}");
        }
    }
}
