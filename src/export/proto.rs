//! The messages that the exports write, as far as they are used: names and numbers of the fields
//! are those of the published schemas. An empty field is not written.

/// <https://github.com/google/pprof/blob/main/proto/profile.proto>
pub mod pprof {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub struct Profile {
        #[prost(message, repeated, tag = "1")]
        pub sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        pub sample: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub mapping: Vec<Mapping>,
        #[prost(message, repeated, tag = "4")]
        pub location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        pub function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        pub string_table: Vec<String>,
        #[prost(int64, tag = "9")]
        pub time_nanos: i64,
        #[prost(int64, tag = "10")]
        pub duration_nanos: i64,
        #[prost(message, optional, tag = "11")]
        pub period_type: Option<ValueType>,
        #[prost(int64, tag = "12")]
        pub period: i64,
        #[prost(int64, repeated, tag = "13")]
        pub comment: Vec<i64>,
        #[prost(int64, tag = "14")]
        pub default_sample_type: i64,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct ValueType {
        #[prost(int64, tag = "1")]
        pub r#type: i64,
        #[prost(int64, tag = "2")]
        pub unit: i64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Sample {
        #[prost(uint64, repeated, tag = "1")]
        pub location_id: Vec<u64>,
        #[prost(int64, repeated, tag = "2")]
        pub value: Vec<i64>,
        #[prost(message, repeated, tag = "3")]
        pub label: Vec<Label>,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Label {
        #[prost(int64, tag = "1")]
        pub key: i64,
        #[prost(int64, tag = "2")]
        pub str: i64,
        #[prost(int64, tag = "3")]
        pub num: i64,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Mapping {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(int64, tag = "5")]
        pub filename: i64,
        #[prost(bool, tag = "7")]
        pub has_functions: bool,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Location {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(uint64, tag = "2")]
        pub mapping_id: u64,
        #[prost(uint64, tag = "3")]
        pub address: u64,
        #[prost(message, repeated, tag = "4")]
        pub line: Vec<Line>,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Line {
        #[prost(uint64, tag = "1")]
        pub function_id: u64,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Function {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(int64, tag = "2")]
        pub name: i64,
        #[prost(int64, tag = "3")]
        pub system_name: i64,
        #[prost(int64, tag = "4")]
        pub filename: i64,
    }
}

/// <https://github.com/google/perfetto/tree/main/protos/perfetto/trace>
pub mod perfetto {
    use prost::{Message, Oneof};

    #[derive(Clone, PartialEq, Message)]
    pub struct TracePacket {
        #[prost(uint64, optional, tag = "8")]
        pub timestamp: Option<u64>,
        #[prost(uint32, tag = "10")]
        pub trusted_packet_sequence_id: u32,
        #[prost(message, optional, tag = "12")]
        pub interned_data: Option<InternedData>,
        #[prost(uint32, tag = "13")]
        pub sequence_flags: u32,
        #[prost(message, optional, tag = "59")]
        pub trace_packet_defaults: Option<TracePacketDefaults>,
        #[prost(oneof = "Data", tags = "6, 11, 45, 60, 66")]
        pub data: Option<Data>,
    }

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Data {
        #[prost(message, tag = "6")]
        ClockSnapshot(ClockSnapshot),
        #[prost(message, tag = "11")]
        TrackEvent(TrackEvent),
        #[prost(message, tag = "45")]
        SystemInfo(SystemInfo),
        #[prost(message, tag = "60")]
        TrackDescriptor(TrackDescriptor),
        #[prost(message, tag = "66")]
        PerfSample(PerfSample),
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct ClockSnapshot {
        #[prost(message, repeated, tag = "1")]
        pub clocks: Vec<Clock>,
        #[prost(int32, tag = "2")]
        pub primary_trace_clock: i32,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Clock {
        #[prost(uint32, tag = "1")]
        pub clock_id: u32,
        #[prost(uint64, tag = "2")]
        pub timestamp: u64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct SystemInfo {
        #[prost(message, optional, tag = "1")]
        pub utsname: Option<Utsname>,
        #[prost(string, tag = "4")]
        pub tracing_service_version: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Utsname {
        #[prost(string, tag = "1")]
        pub sysname: String,
        #[prost(string, tag = "2")]
        pub version: String,
        #[prost(string, tag = "3")]
        pub release: String,
        #[prost(string, tag = "4")]
        pub machine: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct TracePacketDefaults {
        #[prost(message, optional, tag = "12")]
        pub perf_sample_defaults: Option<PerfSampleDefaults>,
        #[prost(uint32, tag = "58")]
        pub timestamp_clock_id: u32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct PerfSampleDefaults {
        #[prost(message, optional, tag = "1")]
        pub timebase: Option<Timebase>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Timebase {
        #[prost(uint64, tag = "1")]
        pub period: u64,
        #[prost(int32, tag = "4")]
        pub counter: i32,
        #[prost(string, tag = "10")]
        pub name: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct TrackDescriptor {
        #[prost(uint64, tag = "1")]
        pub uuid: u64,
        #[prost(string, tag = "2")]
        pub name: String,
        #[prost(message, optional, tag = "4")]
        pub thread: Option<ThreadDescriptor>,
        #[prost(uint64, tag = "5")]
        pub parent_uuid: u64,
        #[prost(message, optional, tag = "8")]
        pub counter: Option<CounterDescriptor>,
        #[prost(int32, tag = "11")]
        pub child_ordering: i32,
        #[prost(int32, tag = "12")]
        pub sibling_order_rank: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct ThreadDescriptor {
        #[prost(int32, tag = "1")]
        pub pid: i32,
        #[prost(int64, tag = "2")]
        pub tid: i64,
        #[prost(string, tag = "5")]
        pub thread_name: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct CounterDescriptor {
        #[prost(string, tag = "6")]
        pub unit_name: String,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct TrackEvent {
        #[prost(message, repeated, tag = "4")]
        pub debug_annotations: Vec<DebugAnnotation>,
        #[prost(int32, tag = "9")]
        pub r#type: i32,
        #[prost(uint64, tag = "11")]
        pub track_uuid: u64,
        #[prost(string, repeated, tag = "22")]
        pub categories: Vec<String>,
        #[prost(string, tag = "23")]
        pub name: String,
        #[prost(int64, optional, tag = "30")]
        pub counter_value: Option<i64>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct DebugAnnotation {
        #[prost(string, tag = "10")]
        pub name: String,
        #[prost(oneof = "Value", tags = "3, 6")]
        pub value: Option<Value>,
        #[prost(message, repeated, tag = "12")]
        pub array_values: Vec<DebugAnnotation>,
    }

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        #[prost(uint64, tag = "3")]
        Number(u64),
        #[prost(string, tag = "6")]
        Text(String),
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct PerfSample {
        #[prost(uint32, tag = "1")]
        pub cpu: u32,
        #[prost(uint32, tag = "2")]
        pub pid: u32,
        #[prost(uint32, tag = "3")]
        pub tid: u32,
        #[prost(uint64, tag = "4")]
        pub callstack_iid: u64,
        #[prost(int32, tag = "5")]
        pub cpu_mode: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct InternedData {
        #[prost(message, repeated, tag = "5")]
        pub function_names: Vec<InternedString>,
        #[prost(message, repeated, tag = "6")]
        pub frames: Vec<Frame>,
        #[prost(message, repeated, tag = "7")]
        pub callstacks: Vec<Callstack>,
        #[prost(message, repeated, tag = "17")]
        pub mapping_paths: Vec<InternedString>,
        #[prost(message, repeated, tag = "19")]
        pub mappings: Vec<Mapping>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct InternedString {
        #[prost(uint64, tag = "1")]
        pub iid: u64,
        #[prost(bytes = "vec", tag = "2")]
        pub str: Vec<u8>,
    }

    #[derive(Clone, Copy, PartialEq, Message)]
    pub struct Frame {
        #[prost(uint64, tag = "1")]
        pub iid: u64,
        #[prost(uint64, tag = "2")]
        pub function_name_id: u64,
        #[prost(uint64, tag = "3")]
        pub mapping_id: u64,
        #[prost(uint64, tag = "4")]
        pub rel_pc: u64,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Callstack {
        #[prost(uint64, tag = "1")]
        pub iid: u64,
        #[prost(uint64, repeated, packed = "false", tag = "2")]
        pub frame_ids: Vec<u64>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Mapping {
        #[prost(uint64, tag = "1")]
        pub iid: u64,
        #[prost(uint64, repeated, packed = "false", tag = "7")]
        pub path_string_ids: Vec<u64>,
    }
}
