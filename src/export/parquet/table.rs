//! What a list of columns becomes: a [`Table`](super::Table).

/// Declares a table: its name, what there is a row for, and for each column its name, its kind and
/// the value that a row has there. Values before `for` are made once, those after it for each row.
macro_rules! table {
    (
        $table:ident = $name:literal, |$r:pat_param, $f:pat_param|
        $(let $once:pat_param = $made:expr;)*
        for $row:pat_param in $rows:expr;
        $(let $each:pat_param = $of_row:expr;)*
        $($column:literal: $kind:ident = $value:expr,)*
    ) => {
        pub const $table: super::Table = super::Table {
            name: $name,
            columns: &[$(($column, super::Kind::$kind)),*],
            fill: |sheet, $r, $f| {
                $(let $once = $made;)*
                for $row in $rows {
                    $(let $each = $of_row;)*
                    sheet.row([$(super::sheet::Cell::from($value)),*])?;
                }
                Ok(())
            },
        };
    };
}
pub(super) use table;
