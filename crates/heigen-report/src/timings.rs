//! How long the tasks took, in numbers and as bars.

use crate::inline::breakable;
use crate::report::{TaskState, Timing};
use crate::table::scrolling;

/// The table of times with its total. Lengths of bars are in proportion to the longest time in the table.
pub(crate) fn timings(timings: &[Timing]) -> String {
    let all = || timings.iter().flat_map(|timing| [timing.seconds, timing.reference_seconds]).flatten();
    let longest = all().fold(0.0, f64::max);
    let compared = timings.iter().any(|timing| timing.reference_seconds.is_some());
    let rows: String = timings.iter().map(|timing| row(timing, longest, compared)).collect();
    let reference = if compared {
        "<th scope=\"col\" class=\"number\">Reference</th><th scope=\"col\" class=\"number\">Times as fast</th>"
    } else {
        ""
    };
    let content = format!(
        "<thead><tr><th scope=\"col\">Task</th><th scope=\"col\">State</th><th scope=\"col\" class=\"number\">Time</th>\
         {reference}<td class=\"bars\"></td></tr></thead>\n<tbody>\n{rows}</tbody>\n<tfoot>\n{}</tfoot>\n",
        total(timings, compared)
    );
    let note = if compared {
        "<p class=\"note\">Reference: the paper's own program in Python on two cores, in round numbers. Bars: time here above, \
         time of the reference below. Only tasks that were computed and have both times are compared.</p>\n"
    } else {
        ""
    };
    format!("<div class=\"table\">\n{}{note}</div>\n", scrolling("Time of each task", "timings", &content))
}

fn row(timing: &Timing, longest: f64, compared: bool) -> String {
    let Timing { task, seconds, reference_seconds, state } = timing;
    let (class, words) = match state {
        TaskState::Computed => ("", "computed"),
        TaskState::Reused => (" class=\"muted\"", "reused"),
        TaskState::Failed => (" class=\"failed\"", "failed"),
    };
    let reference = if compared { [number(*reference_seconds), ratio(pair(timing))].concat() } else { String::new() };
    let bars =
        [("here", *seconds), ("reference", *reference_seconds)].map(|(class, time)| bar(class, time, longest)).concat();
    format!(
        "<tr><th scope=\"row\">{}</th><td{class}>{words}</td>{}{reference}<td class=\"bars\">{bars}</td></tr>\n",
        breakable(task),
        number(*seconds),
    )
}

fn total(timings: &[Timing], compared: bool) -> String {
    let sum = |of: fn(&Timing) -> Option<f64>| timings.iter().filter_map(of).reduce(|a, b| a + b);
    let both = timings.iter().filter_map(pair).reduce(|a, b| (a.0 + b.0, a.1 + b.1));
    let reference =
        if compared { [number(sum(|timing| timing.reference_seconds)), ratio(None)].concat() } else { String::new() };
    let total = format!(
        "<tr><th scope=\"row\">Total</th><td></td>{}{reference}<td class=\"bars\"></td></tr>\n",
        number(sum(|timing| timing.seconds))
    );
    match both {
        Some((here, reference)) => format!(
            "<tr><th scope=\"row\">Tasks that are compared</th><td></td>{}{}{}<td class=\"bars\"></td></tr>\n{total}",
            number(Some(here)),
            number(Some(reference)),
            ratio(both)
        ),
        None => total,
    }
}

/// Both times of a task that may be compared.
fn pair(timing: &Timing) -> Option<(f64, f64)> {
    if timing.state == TaskState::Computed { timing.seconds.zip(timing.reference_seconds) } else { None }
}

fn number(seconds: Option<f64>) -> String {
    let text = seconds.map_or_else(|| "\u{2013}".into(), duration);
    format!("<td class=\"number\">{text}</td>")
}

fn ratio(pair: Option<(f64, f64)>) -> String {
    let text = match pair {
        Some((here, reference)) if here > 0.0 => significant(reference / here),
        _ => "\u{2013}".into(),
    };
    format!("<td class=\"number\">{text}</td>")
}

/// Two significant digits, more only before the decimal point.
fn significant(value: f64) -> String {
    match value {
        _ if value >= 9.95 => format!("{value:.0}"),
        _ if value >= 0.995 => format!("{value:.1}"),
        _ if value >= 0.0995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn bar(class: &str, seconds: Option<f64>, longest: f64) -> String {
    match seconds {
        Some(seconds) if longest > 0.0 => {
            format!("<span class=\"bar {class}\" style=\"width:{:.2}%\"></span>", 100.0 * seconds / longest)
        }
        _ => String::new(),
    }
}

/// A time as one reads it: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round();
    match seconds {
        _ if seconds < 0.995 => format!("{seconds:.2} s"),
        _ if seconds < 59.95 => format!("{seconds:.1} s"),
        _ if whole < 3_600.0 => format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0),
        _ => {
            let minutes = (seconds / 60.0).round();
            format!("{:.0} h {:02.0} min", (minutes / 60.0).floor(), minutes % 60.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, significant, timings};
    use crate::report::{TaskState, Timing};

    #[test]
    fn durations_as_one_reads_them() {
        for (seconds, wanted) in [
            (0.0, "0.00 s"),
            (0.424, "0.42 s"),
            (0.999, "1.0 s"),
            (12.34, "12.3 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min 00 s"),
            (245.0, "4 min 05 s"),
            (3599.6, "1 h 00 min"),
            (7_380.0, "2 h 03 min"),
        ] {
            assert_eq!(duration(seconds), wanted, "{seconds}");
        }
        assert_eq!(
            [0.0712, 0.5, 0.999, 3.16, 9.96, 1234.5].map(significant),
            ["0.071", "0.50", "1.0", "3.2", "10", "1234"]
        );
    }

    #[test]
    fn only_computed_tasks_with_both_times_are_compared() {
        let timing = |task: &str, seconds, reference_seconds, state| Timing {
            task: task.into(),
            seconds,
            reference_seconds,
            state,
        };
        let html = timings(&[
            timing("a", Some(2.0), Some(40.0), TaskState::Computed),
            timing("b", Some(0.0), Some(60.0), TaskState::Reused),
            timing("<c>", None, None, TaskState::Failed),
        ]);
        let rows: Vec<&str> = html.lines().filter(|line| line.starts_with("<tr>")).collect();
        assert!(
            rows[0].contains("2.0 s</td><td class=\"number\">40.0 s</td><td class=\"number\">20</td>"),
            "{}",
            rows[0]
        );
        assert!(rows[0].contains("width:3.33%") && rows[0].contains("width:66.67%"), "{}", rows[0]);
        assert!(rows[1].contains("reused") && rows[1].contains("<td class=\"number\">–</td>"), "{}", rows[1]);
        assert!(rows[2].contains("&lt;c&gt;") && rows[2].contains("failed"), "{}", rows[2]);
        let compared = "2.0 s</td><td class=\"number\">40.0 s</td><td class=\"number\">20</td>";
        assert!(rows[3].contains("Tasks that are compared") && rows[3].contains(compared), "{}", rows[3]);
        // A ratio beside times that are not those it was made of would be wrong.
        assert!(
            rows[4].contains("Total") && rows[4].contains("1 min 40 s</td><td class=\"number\">–</td>"),
            "{}",
            rows[4]
        );
    }

    #[test]
    fn without_a_reference_there_is_no_column_for_it() {
        let html = timings(&[Timing { task: "a".into(), seconds: Some(2.0), ..Timing::default() }]);
        assert!(!html.contains("Reference") && html.contains("width:100.00%"), "{html}");
    }
}
