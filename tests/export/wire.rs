//! Protocol buffers as they lie in a file, read without the program's own declarations.

use std::collections::BTreeMap;

/// Fields of a message by number, each with all its values in order.
#[derive(Debug, Default)]
pub struct Message<'a>(BTreeMap<u32, Vec<Value<'a>>>);

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub fn read(mut bytes: &'a [u8]) -> Message<'a> {
        let mut message = Message::default();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => Value::Number(varint(&mut bytes)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    let (head, rest) = bytes.split_at(length);
                    bytes = rest;
                    Value::Bytes(head)
                }
                other => panic!("wire type {other}"),
            };
            message.0.entry((key >> 3) as u32).or_default().push(value);
        }
        message
    }

    fn values(&self, field: u32) -> &[Value<'a>] {
        self.0.get(&field).map_or(&[], Vec::as_slice)
    }

    /// Numbers of a field, packed or not.
    pub fn numbers(&self, field: u32) -> Vec<u64> {
        let mut all = Vec::new();
        for &value in self.values(field) {
            match value {
                Value::Number(n) => all.push(n),
                Value::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        all.push(varint(&mut packed));
                    }
                }
            }
        }
        all
    }

    /// A number, 0 if it is not there.
    pub fn number(&self, field: u32) -> u64 {
        self.numbers(field).last().copied().unwrap_or_default()
    }

    pub fn bytes(&self, field: u32) -> Vec<&'a [u8]> {
        let bytes = |value: &Value<'a>| match value {
            Value::Bytes(bytes) => *bytes,
            Value::Number(n) => panic!("field {field} is the number {n}"),
        };
        self.values(field).iter().map(bytes).collect()
    }

    pub fn texts(&self, field: u32) -> Vec<&'a str> {
        self.bytes(field).into_iter().map(|b| std::str::from_utf8(b).unwrap()).collect()
    }

    /// A text, empty if it is not there.
    pub fn text(&self, field: u32) -> &'a str {
        self.texts(field).last().copied().unwrap_or_default()
    }

    pub fn messages(&self, field: u32) -> Vec<Message<'a>> {
        self.bytes(field).into_iter().map(Message::read).collect()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    unreachable!()
}
