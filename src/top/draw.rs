//! The layout: head, CPUs, culprits, keys; over it the help or a detail.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::app::{App, Table};
use super::screen::LEAST;
use super::words::{Ink, left, span};
use super::{cpus, culprits, detail};
use crate::model::live::Live;

const HELP: [&str; 15] = [
    "q, Esc, Ctrl-C    end",
    "Tab, ← →          to the other table",
    "↑ ↓, j k          another row; PgUp, PgDn, g, G",
    "Enter             all that is known of the row; again or Esc: back",
    "s                 another order; r turns it around",
    "+ -               latencies of a longer or shorter time",
    "Space, f          freeze, go on",
    "",
    "p50, p99, longest: softirq delays, all softirqs of the CPU together",
    "ksoftirq: longest wait of ksoftirqd; gap: longest interrupt gap",
    "RX: the CPU's share of the packets received",
    "strip: the worst lateness of each moment: ▂ past the threshold,",
    "       ▅ 50 ms or more, █ 200 ms or more, · nothing late",
    "– is: none. Who stalled a CPU is known some seconds after.",
    "docs/top.md tells more",
];

/// Draws it all.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let (area, ink) = (frame.area(), Ink(app.colors));
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let words = format!("too small: {} x {} at least", LEAST.0, LEAST.1);
        return frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), area);
    }
    let width = usize::from(area.width);
    let Some(live) = app.live.clone() else {
        let words = app.problem.clone().unwrap_or_else(|| "measuring ...".to_owned());
        return frame.render_widget(Paragraph::new(super::words::plain(&words)), area);
    };
    // Two lines of head, one of keys, one above each table.
    let room = usize::from(area.height) - 5;
    let for_culprits = app.culprits().len().clamp(2, room / 2);
    let for_cpus = live.cpus.len().clamp(1, room - for_culprits);
    let mut lines = head(app, &live, width, ink).to_vec();
    lines.push(title(app, Table::Cpus, cpus::head(width), width));
    lines.extend(cpu_rows(app, &live, width, for_cpus, ink));
    lines.push(title(app, Table::Culprits, culprits::head(width), width));
    let left_over = usize::from(area.height) - 1 - lines.len();
    lines.extend(culprit_rows(app, &live, width, left_over, ink));
    lines.resize(usize::from(area.height) - 1, Line::default());
    lines.push(keys(app, width, ink));
    frame.render_widget(Paragraph::new(lines), area);
    if app.help {
        let lines: Vec<Line<'_>> = HELP.iter().map(|text| Line::from(*text)).collect();
        over(frame, "Keys and columns", lines, &mut 0);
    } else if app.detail {
        let (title, lines) = detail::lines(app, ink);
        over(frame, &title, lines, &mut app.scroll);
    }
}

fn head(app: &App, live: &Live, width: usize, ink: Ink) -> [Line<'static>; 2] {
    let cpus = if live.cpus.len() == 1 { "CPU" } else { "CPUs" };
    let text = format!(
        "stallprof top  {}  Linux {}  {} {cpus}  last {}",
        live.host,
        live.kernel,
        live.cpus.len(),
        if live.interval.0 > 0 { live.interval.to_string() } else { "– s".to_owned() },
    );
    let state = if app.frozen { " FROZEN" } else { "" };
    let first = Line::from(vec![
        span(&left(&text, width.saturating_sub(state.len())), ink.bold()),
        span(state, ink.alarm()),
    ]);
    if let Some(problem) = &app.problem {
        return [first, span(&left(problem, width), ink.alarm()).into()];
    }
    let share = 100.0 * live.own.cpu.secs() / live.running.secs().max(1.0);
    let lost = format!("lost {}", live.lost);
    let mut rest = format!("  own {share:.1} % CPU, {} MB", live.own.memory / 1_000_000);
    rest += &format!("  late from {}, gaps {}", live.stall_threshold, live.gap_threshold);
    let mut missing = String::new();
    for one in &live.missing {
        missing += &format!("  not measured: {} ({})", one.probes.join(", "), one.reason);
    }
    let lost_style = if live.lost_lately > 0 { ink.alarm() } else { ink.dim() };
    // What is missing is worth more than what it costs.
    let rest = if missing.is_empty() { rest } else { String::new() };
    let room = width.saturating_sub(lost.len());
    let room_missing = room.saturating_sub(rest.len());
    let missing = if missing.is_empty() { String::new() } else { left(&missing, room_missing) };
    let second = Line::from(vec![
        span(&lost, lost_style),
        span(&missing, ink.alarm()),
        span(&left(&rest, room.min(rest.len())), ink.dim()),
    ]);
    [first, second]
}

fn title(app: &App, table: Table, text: String, width: usize) -> Line<'static> {
    let style = ratatui::style::Style::new().add_modifier(match app.table == table {
        true => Modifier::BOLD | Modifier::UNDERLINED,
        false => Modifier::UNDERLINED,
    });
    Line::from(Span::styled(left(&text, width), style))
}

/// The first row to show, so that the chosen one is among them.
fn first(chosen: usize, all: usize, room: usize) -> usize {
    chosen.saturating_sub(room / 2).min(all.saturating_sub(room))
}

fn cpu_rows(app: &App, live: &Live, width: usize, room: usize, ink: Ink) -> Vec<Line<'static>> {
    let list = app.cpus();
    let at = list.iter().position(|cpu| Some(cpu.cpu) == app.cpu).unwrap_or(0);
    let from = first(at, list.len(), room);
    let rows = list.iter().enumerate().skip(from).take(room);
    let row = |(n, cpu): (usize, &&_)| {
        let row = cpus::row(cpu, live, width, ink);
        chosen(row, app.table == Table::Cpus && n == at)
    };
    rows.map(row).collect()
}

fn culprit_rows(app: &App, live: &Live, width: usize, room: usize, ink: Ink) -> Vec<Line<'static>> {
    let list = app.culprits();
    let looked = live.analysed.map_or_else(
        || "looking for stalls; the first result takes up to 5 s, of a daemon 20 s".to_owned(),
        |ago| format!("nobody, of stalls that ended up to {} ago", super::words::ago(ago)),
    );
    if list.is_empty() {
        return vec![span(&left(&format!("  {looked}"), width), ink.dim()).into()];
    }
    let wanted = app.culprit.as_ref();
    let at = list.iter().position(|c| Some(&culprits::key(c)) == wanted).unwrap_or(0);
    let from = first(at, list.len(), room);
    let rows = list.iter().enumerate().skip(from).take(room);
    let row = |(n, c): (usize, &&_)| {
        chosen(culprits::row(c, width, ink), app.table == Table::Culprits && n == at)
    };
    rows.map(row).collect()
}

/// Marks a row, also where nothing but its text is seen; its first column is blank.
fn chosen(mut row: Line<'static>, is: bool) -> Line<'static> {
    if !is {
        return row;
    }
    if let Some(first) = row.spans.first_mut()
        && let Some(rest) = first.content.strip_prefix(' ')
    {
        first.content = format!(">{rest}").into();
    }
    row.style(Modifier::REVERSED)
}

fn keys(app: &App, width: usize, ink: Ink) -> Line<'static> {
    let order = match app.table {
        Table::Cpus => app.cpu_order.name(),
        Table::Culprits => app.culprit_order.name(),
    };
    let turned = if app.reverse[app.table as usize] { ", turned" } else { "" };
    let text = format!(
        "q end  ? help  Enter more  Tab table  s by {order}{turned}  +- {} s  f freeze",
        app.interval().0 / 1_000_000_000
    );
    span(&left(&text, width), ink.dim()).into()
}

/// Draws lines over the middle; `scroll` is kept to what there is.
fn over(frame: &mut Frame<'_>, title: &str, lines: Vec<Line<'_>>, scroll: &mut u16) {
    let all = frame.area();
    let widest = lines.iter().map(Line::width).max().unwrap_or(0).max(40) + 4;
    let width = all.width.saturating_sub(4).min(widest.min(116) as u16);
    let inner = usize::from(width.saturating_sub(2)).max(1);
    // Wrapping at words may take a line more now and then.
    let tall: usize =
        lines.iter().map(|l| l.width().max(1).div_ceil(inner.saturating_sub(8).max(1))).sum();
    let height = all.height.saturating_sub(2).min(tall as u16 + 2).max(3);
    let area = Rect::new((all.width - width) / 2, (all.height - height) / 2, width, height);
    *scroll = (*scroll).min((tall as u16).saturating_sub(height.saturating_sub(2)));
    let block = Block::bordered().title(format!(" {} ", left(title, inner.min(60)).trim_end()));
    let text = Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((*scroll, 0)).block(block);
    frame.render_widget(Clear, area);
    frame.render_widget(text, area);
}
