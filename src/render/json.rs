//! JSON for programs. `docs/findings.md` tells what each field of the findings means.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::escape;

/// Writes findings, or anything else, as indented JSON with keys in the order of their declaration,
/// so that equal findings give equal bytes, and a newline at the end.
///
/// Characters that act on a terminal or in HTML are written as `\u` escapes, which mean the same
/// to a parser: whoever prints the file, or puts it into a page, is not at the mercy of a process's
/// name.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut dyn Write, f: &impl Serialize) -> serde_json::Result<()> {
    f.serialize(&mut Serializer::with_formatter(&mut *out, Careful(PrettyFormatter::new())))?;
    out.write_all(b"\n").map_err(serde_json::Error::io)
}

/// With none of these text neither ends a `<script>` nor begins an element.
fn in_markup(c: char) -> bool {
    matches!(c, '<' | '>' | '&')
}

/// [`PrettyFormatter`] that escapes more than JSON asks for.
struct Careful<'a>(PrettyFormatter<'a>);

/// Hands a method on to [`PrettyFormatter`].
macro_rules! as_pretty {
    ($($method:ident($($arg:ident: $type:ty),*)),* $(,)?) => {$(
        fn $method<W: ?Sized + Write>(&mut self, w: &mut W $(, $arg: $type)*) -> io::Result<()> {
            self.0.$method(w $(, $arg)*)
        }
    )*};
}

impl Formatter for Careful<'_> {
    as_pretty!(
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        begin_object_value(),
        end_object_value(),
    );

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in text.char_indices().filter(|&(_, c)| escape::acts(c) || in_markup(c)) {
            w.write_all(&text.as_bytes()[plain..at])?;
            // All of these lie below U+10000: one escape each.
            write!(w, "\\u{:04x}", c as u32)?;
            plain = at + c.len_utf8();
        }
        w.write_all(&text.as_bytes()[plain..])
    }
}
