//! The timeline, with the meaning of its colours and what it leaves out.

use super::super::figures::timeline;
use super::super::terminal::{cpu, foot};
use super::{Case, empty, figure, markup};

pub(super) fn body(case: &Case<'_>) -> String {
    let Some(drawn) = timeline::draw(case) else {
        let lost = match foot::any_lost(case.f) {
            true => " Records were lost: there may have been some among them.",
            false => "",
        };
        let threshold = cpu::threshold(&case.f.options);
        return empty(&format!("Nothing was late by {threshold}, and no call was slow.{lost}"));
    };
    let mut key = String::from("<ul class=\"key\"><li>What was late:</li>");
    for row in &drawn.rows {
        key += &format!(
            "<li><span class=\"{}\"></span>{}: {}</li>",
            row.class(),
            row.short(),
            row.meaning()
        );
    }
    key += "</ul>\n";
    let mut notes = drawn.left_out;
    notes.insert(0, "What is narrower than a pixel is drawn a pixel wide".to_owned());
    let notes = markup::text(&notes.join("; ")).into_owned();
    let more = "Time since the start. The ground shows stalls; each mark tells more when pointed at. \
                <span class=\"js\" hidden=\"\">To zoom: Ctrl and wheel, or + and \u{2212}; drag or \
                arrow keys move; 0 shows all.</span>";
    format!("{}{key}{}<p class=\"fine\">{notes}.</p>\n", figure(&drawn.figure, more), tasks(case))
}

/// Which colour is whose.
pub(super) fn tasks(case: &Case<'_>) -> String {
    let mut key = String::from("<ul class=\"key\"><li>Who ran:</li>");
    for (n, name) in case.colored.iter().enumerate() {
        key += &format!("<li><span class=\"w{n}\"></span>{}</li>", markup::name(name));
    }
    key += "<li><span class=\"wo\"></span>other tasks</li><li><span class=\"wi\"></span>idle</li>";
    key + "<li><span class=\"none\"></span>no sample</li></ul>\n"
}
