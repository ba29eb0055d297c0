//! The profile format of `go tool pprof`
//! (<https://github.com/google/pprof/blob/main/proto/profile.proto>), which Pyroscope and Parca read
//! too. CPU, task, system call and stall are labels, so that `-tagfocus` and `-tagroot` find them.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use super::proto::pprof::*;
use crate::analysis::outside_calls;
use crate::model::findings::{Findings, Stall};
use crate::model::{FrameId, Recording, Sample as Tick};
use crate::render::flame::share::{self, On, Share};
use crate::render::{escape, flame, plain, spans::Spans};

/// Columns of a name.
const NAME: usize = 1024;

/// Writes the profile.
pub fn write(
    out: &mut dyn Write,
    r: &Recording,
    f: &Findings,
    stalls_only: bool,
) -> io::Result<()> {
    let mut table = Table::new(r);
    let spans = Spans::new(f);
    // In the order of first sight, each distinct sample once.
    let share = |tick| share::of(r, tick, share::stall(&spans, tick, stalls_only));
    let mut numbers: HashMap<Key, usize> = HashMap::new();
    let mut distinct: Vec<(&Tick, Vec<i64>)> = Vec::new();
    for tick in &r.samples {
        let stall = spans.of(tick);
        if stall.is_none() && stalls_only {
            continue;
        }
        let share = share(tick);
        let at = *numbers.entry(Key::of(tick, &share, stall)).or_insert(distinct.len());
        if at == distinct.len() {
            distinct.push((tick, vec![0; table.profile.sample_type.len()]));
        }
        table.count(&mut distinct[at].1, tick.count(), share.weight, stall.is_some());
    }
    drop(numbers);
    // Field by field, and of samples one by one: all at once, stacks would fill the memory.
    let mut gzip = GzEncoder::new(out, Compression::fast());
    let sample_type = std::mem::take(&mut table.profile.sample_type);
    gzip.write_all(&Profile { sample_type, ..Profile::default() }.encode_to_vec())?;
    for (tick, value) in distinct {
        let sample = vec![table.sample(tick, value, &share(tick), spans.of(tick))];
        gzip.write_all(&Profile { sample, ..Profile::default() }.encode_to_vec())?;
    }
    gzip.write_all(&table.finish(f).encode_to_vec())?;
    gzip.finish().map(drop)
}

/// What makes two samples one.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    cpu: u32,
    task: u32,
    call: (u32, u32),
    stacks: (u32, u32),
    mode: bool,
    on: (usize, usize, String),
    stall: usize,
}

impl Key {
    fn of(s: &Tick, share: &Share, stall: Option<&Stall>) -> Key {
        let on = match &share.on {
            On::Stack { skip } => (0, *skip, String::new()),
            On::Softirq { vector, depth } => (1 + usize::from(vector.0), *depth, String::new()),
            On::Named(name) => (0, 0, name.clone()),
        };
        Key {
            cpu: s.cpu.0,
            task: s.task.0,
            call: (s.syscall.nr_plus_1, s.syscall.file.0),
            stacks: (s.kernel_stack.0, s.user_stack.0),
            mode: s.user_mode,
            on,
            stall: stall.map_or(0, |s| s.id),
        }
    }
}

/// The profile while it grows.
struct Table<'r> {
    r: &'r Recording,
    profile: Profile,
    strings: HashMap<String, i64>,
    mappings: BTreeMap<String, u64>,
    frames: HashMap<FrameId, u64>,
    named: HashMap<String, u64>,
}

impl<'r> Table<'r> {
    fn new(r: &'r Recording) -> Table<'r> {
        let mut table = Table {
            r,
            profile: Profile::default(),
            strings: HashMap::new(),
            mappings: BTreeMap::new(),
            frames: HashMap::new(),
            named: HashMap::new(),
        };
        table.string("");
        // Time is only known where a sample's period is.
        let types = [("samples", "count"), ("time", "nanoseconds"), ("stalled", "nanoseconds")];
        let known = if r.meta.sample_period.0 > 0 { 3 } else { 1 };
        for (r#type, unit) in &types[..known] {
            let value = ValueType { r#type: table.string(r#type), unit: table.string(unit) };
            table.profile.sample_type.push(value);
        }
        table
    }

    fn string(&mut self, text: &str) -> i64 {
        let text = escape::bounded(text, NAME);
        if let Some(&known) = self.strings.get(&*text) {
            return known;
        }
        let number = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.clone().into_owned());
        self.strings.insert(text.into_owned(), number);
        number
    }

    /// A sample with its counts.
    fn sample(
        &mut self,
        s: &Tick,
        value: Vec<i64>,
        share: &Share,
        stall: Option<&Stall>,
    ) -> Sample {
        let r = self.r;
        let outside = outside_calls(r, s.task, s.kernel_stack);
        let kernel = r.stack(s.kernel_stack);
        let mut location_id = Vec::new();
        match &share.on {
            On::Named(name) => location_id.push(self.place(name)),
            On::Softirq { vector, depth } => {
                location_id.extend(kernel.iter().take(*depth).map(|f| self.location(*f)));
                location_id.push(self.place(&format!("[softirq {vector}]")));
            }
            On::Stack { skip } => {
                location_id.extend(kernel.iter().skip(*skip).map(|f| self.location(*f)));
                if kernel.is_empty() && !s.user_mode {
                    location_id.push(self.place("[no kernel stack]"));
                }
                let user = if outside { &[] } else { r.stack(s.user_stack) };
                location_id.extend(user.iter().map(|f| self.location(*f)));
                if user.is_empty() && s.user_mode {
                    location_id.push(self.place("[user mode]"));
                }
            }
        }
        let mut label = vec![self.number("cpu", i64::from(s.cpu.0))];
        if matches!(share.on, On::Stack { .. }) {
            let task = r.task(s.task);
            label.push(self.text("task", &flame::task(r, s.task)));
            label.push(self.number("pid", i64::from(task.tgid.0)));
            label.push(self.number("tid", i64::from(task.tid.0)));
            let call = plain::call(r, s.syscall.nr_plus_1);
            if !call.is_empty() && !outside {
                label.push(self.text("syscall", &call));
            }
            let file = r.str(s.syscall.file);
            if !file.is_empty() && !outside {
                label.push(self.text("file", file));
            }
        }
        if let Some(stall) = stall {
            label.push(self.number("stall", stall.id as i64));
            label.push(self.text("cause", stall.cause.name()));
            label.push(self.text("culprit", &plain::culprit(&stall.culprit)));
        }
        Sample { location_id, value, label }
    }

    fn count(&self, sums: &mut [i64], samples: u64, weight: u64, in_stall: bool) {
        let time = weight.saturating_mul(self.r.meta.sample_period.0);
        let more = [samples, time, if in_stall { time } else { 0 }];
        for (value, more) in sums.iter_mut().zip(more) {
            *value = value.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
        }
    }

    fn text(&mut self, key: &str, text: &str) -> Label {
        Label { key: self.string(key), str: self.string(text), ..Label::default() }
    }

    fn number(&mut self, key: &str, num: i64) -> Label {
        Label { key: self.string(key), num, ..Label::default() }
    }

    /// A place that is no function.
    fn place(&mut self, name: &str) -> u64 {
        if let Some(&known) = self.named.get(name) {
            return known;
        }
        let id = self.new_location(0, 0, Some(name));
        self.named.insert(name.to_owned(), id);
        id
    }

    fn location(&mut self, id: FrameId) -> u64 {
        if let Some(&known) = self.frames.get(&id) {
            return known;
        }
        let r = self.r;
        let frame = r.frame(id);
        let module = match r.str(frame.module) {
            "" if frame.kernel => "[kernel]",
            "" => "[unknown]",
            module => module,
        };
        let mapping = self.mapping(module);
        let name = Some(r.str(frame.function)).filter(|name| !name.is_empty());
        // Without a name the address is what is known; without both, nothing is.
        let name = name.or_else(|| (frame.offset == 0).then_some("[unknown]"));
        let location = self.new_location(mapping, frame.offset, name);
        self.frames.insert(id, location);
        location
    }

    fn new_location(&mut self, mapping_id: u64, address: u64, name: Option<&str>) -> u64 {
        let line = name.map(|name| {
            let id = self.profile.function.len() as u64 + 1;
            let name = self.string(name);
            self.profile.function.push(Function { id, name, system_name: name, filename: 0 });
            Line { function_id: id }
        });
        let id = self.profile.location.len() as u64 + 1;
        let line = line.into_iter().collect();
        self.profile.location.push(Location { id, mapping_id, address, line });
        id
    }

    fn mapping(&mut self, name: &str) -> u64 {
        if let Some(&known) = self.mappings.get(name) {
            return known;
        }
        let id = self.profile.mapping.len() as u64 + 1;
        let filename = self.string(name);
        self.profile.mapping.push(Mapping { id, filename, has_functions: true });
        self.mappings.insert(name.to_owned(), id);
        id
    }

    fn finish(mut self, f: &Findings) -> Profile {
        let meta = &self.r.meta;
        let mut comments = vec![format!("host {}, kernel {}", f.host.name, f.host.kernel)];
        comments.extend(f.notes.iter().cloned());
        let comments = comments.iter().map(|words| self.string(words)).collect();
        let (time, nanoseconds) = (self.string("time"), self.string("nanoseconds"));
        let period = meta.sample_period.0;
        let profile = &mut self.profile;
        profile.comment = comments;
        profile.time_nanos = i64::try_from(meta.start_realtime).unwrap_or_default();
        profile.duration_nanos = i64::try_from(self.r.duration().0).unwrap_or_default();
        if period > 0 {
            profile.period_type = Some(ValueType { r#type: time, unit: nanoseconds });
            profile.period = i64::try_from(period).unwrap_or_default();
            profile.default_sample_type = time;
        }
        self.profile
    }
}
