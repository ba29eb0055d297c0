//! Flame graphs of the stalls, of everything, and of how they differ.

use super::super::figures::flames;
use super::super::flame;
use super::{Case, empty, figure};

pub(super) fn body(case: &Case<'_>) -> String {
    let held = flames::held(case);
    let tools = "<p class=\"js tools\" hidden=\"\"><label>Find a function <input type=\"search\" \
                 id=\"find\" autocomplete=\"off\" spellcheck=\"false\"/></label> <output id=\"found\" \
                 for=\"find\"></output></p>\n";
    let mut html = String::new();
    if held.is_some() {
        html += tools;
    }
    html += &match held {
        Some(drawn) => figure(
            &drawn,
            "The wider, the more of the stalled time; below who called, above who was called. Kernel \
             functions are warm and end in _[k], the system call with its file is blue. <span \
             class=\"js\" hidden=\"\">Click a frame, or press Enter on it, to zoom; the lowest \
             shows all.</span>",
        ),
        None => empty(&flame::held_caption(case.r, case.f).empty),
    };
    html += &match flames::profile(case) {
        Some(drawn) => figure(&drawn, "For comparison: all samples, in stalls and outside."),
        None => empty(&flame::profile_caption(case.r).empty),
    };
    if let Some(drawn) = flames::difference(case) {
        html += &figure(
            &drawn,
            "As wide as during stalls. Colour tells what a function did itself, not what it called: \
             red, more during stalls than in the whole recording; blue, less; white, no difference. \
             The second number of a tooltip is that difference.",
        );
    }
    html
}
