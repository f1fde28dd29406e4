use super::{table::TIMES, *};
use crate::api::{FaultKind, reports::FailedAs};

#[test]
fn rows_stand_in_the_order_of_their_enum_and_every_series_is_found_by_its_name() {
    for (row, spec) in TABLE.iter().enumerate() {
        assert_eq!(spec.metric as usize, row, "{}", spec.name);
    }
    for series in Series::all() {
        assert_eq!(Series::named(&series.key()), Some(series));
    }
    for (place, kind) in FaultKind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
        let name = format!("ollamanet_failed_total{{as=\"question\",kind=\"{}\"}}", kind.as_str());
        assert_eq!(Series::of(Metric::Failed, &[FailedAs::Question as usize, place]).key(), name);
    }
    let failed = Series::of(Metric::Calls, &[3, 3]);
    assert_eq!(failed.key(), r#"ollamanet_calls_total{class="read",outcome="failed"}"#);
    assert_eq!(Series::of(Metric::Speed, &[]).key(), "ollamanet_tokens_per_second");
    assert_eq!(Series::named("ollamanet_gone_total"), None);
}

#[test]
fn a_quantile_lies_in_the_step_in_which_it_is() {
    let mut spread = Spread::default();
    assert_eq!(spread.quantile(0.5, &TIMES), None);
    spread.steps[3] = 90;
    spread.steps[12] = 9;
    spread.steps[STEPS] = 1;
    let at = |part| spread.quantile(part, &TIMES).unwrap();
    assert!((0.0005..=0.001).contains(&at(0.5)), "{}", at(0.5));
    assert!((0.5..=1.0).contains(&at(0.95)), "{}", at(0.95));
    assert!((at(1.0) - 200.0).abs() < f64::EPSILON, "beyond the last step nothing more is known");
}

#[test]
fn what_came_since_and_what_was_before_are_all_of_it() {
    let count = Series::of(Metric::Calls, &[0, 0]);
    let spread = Series::of(Metric::FirstToken, &[]);
    let gauge = Series::of(Metric::CacheBytes, &[1]);
    let one = Spread { steps: std::array::from_fn(|step| u64::from(step == 2)), sum: 300 };
    let mut before = Snapshot::default();
    before.add(count, &Value::Count(3));
    before.add(spread, &Value::Spread(one));
    before.add(gauge, &Value::Gauge(50));
    let mut now = before.clone();
    now.add(count, &Value::Count(2));
    now.add(spread, &Value::Spread(one));
    let came = now.since(&before);
    assert_eq!((came.value(count), came.value(spread)), (&Value::Count(2), &Value::Spread(one)));
    let mut all = before;
    all.add_all(&came);
    assert_eq!(all, now);
    assert_eq!(now.whole(Metric::Calls).count(), 5);
}

/// A line of Prometheus' text format that is no comment.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// A metric with all that is told of it.
#[derive(Debug)]
struct Family {
    name: String,
    kind: String,
    samples: Vec<Sample>,
}

fn is_name(name: &str, colons: bool) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colons))
}

/// `name{label="value",…} 12.5`, and nothing else: no blanks but the one, no mark but the three that may be.
fn sample(line: &str) -> Result<Sample, &'static str> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            let (mut value, mut letters, mut end) = (String::new(), after.char_indices(), None);
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '"' => {
                        end = Some(at + 1);
                        break;
                    }
                    '\\' => value.push(match letters.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, mark @ ('\\' | '"'))) => mark,
                        Some(_) | None => return Err("a mark that means nothing"),
                    }),
                    letter => value.push(letter),
                }
            }
            if !is_name(label, false) || label.starts_with("__") || labels.iter().any(|(other, _)| other == label) {
                return Err("a label that may not be, or is there twice");
            }
            labels.push((label.to_owned(), value));
            let after = &after[end.ok_or("a value that does not end")?..];
            if let Some(after) = after.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = after.strip_prefix(',').ok_or("no comma between labels")?;
        }
    }
    let number = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-'));
    let value: f64 = number.parse().map_err(|_| "no number")?;
    let good = is_name(name, true) && is_number && value.is_finite() && value >= 0.0;
    if good {
        Ok(Sample { name: name.to_owned(), labels, value })
    } else {
        Err("no name, or no number that is counted")
    }
}

/// As <https://prometheus.io/docs/instrumenting/exposition_formats/> has it, and stricter where that lets things pass.
fn read_exposition(text: &str) -> Result<Vec<Family>, String> {
    let body = text.strip_suffix('\n').ok_or("the last line does not end")?;
    let (mut families, mut helped): (Vec<Family>, Option<String>) = (Vec::new(), None);
    for line in body.split('\n') {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else { return wrong("no help") };
            let is_marked = help.replace("\\\\", "").replace("\\n", "").contains('\\');
            if help.is_empty() || !is_name(name, true) || is_marked {
                return wrong("a help that is none");
            }
            if helped.is_some() || families.iter().any(|family| family.name == name) {
                return wrong("a metric that comes twice, or without its kind");
            }
            helped = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { return wrong("no kind") };
            if helped.take().as_deref() != Some(name) || !matches!(kind, "counter" | "gauge" | "histogram") {
                return wrong("a kind that stands alone, or is none");
            }
            families.push(Family { name: name.to_owned(), kind: kind.to_owned(), samples: Vec::new() });
        } else {
            let read = sample(line).map_err(|why| format!("{why}: {line}"))?;
            let Some(family) = families.last_mut().filter(|_| helped.is_none()) else { return wrong("of no metric") };
            let endings: &[&str] = if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            if !endings.iter().any(|ending| read.name.strip_suffix(ending) == Some(family.name.as_str())) {
                return wrong("it stands under another metric");
            }
            if family.samples.iter().any(|other| (&other.name, &other.labels) == (&read.name, &read.labels)) {
                return wrong("it is there twice");
            }
            family.samples.push(read);
        }
    }
    families.iter().try_for_each(judge)?;
    Ok(families)
}

/// What must hold of a metric as a whole.
fn judge(family: &Family) -> Result<(), String> {
    let Family { name, kind, samples } = family;
    if samples.is_empty() || (kind == "counter") != name.ends_with("_total") {
        return Err(format!("{name}: a counter ends in _total and nothing else does, and each has a sample"));
    }
    if kind != "histogram" {
        return Ok(());
    }
    let rest = |sample: &Sample| {
        let labels = sample.labels.iter().filter(|(label, _)| label != "le");
        labels.cloned().collect::<Vec<_>>()
    };
    let counts = samples.iter().filter(|sample| sample.name.ends_with("_count"));
    for count in counts.clone() {
        let whose = rest(count);
        let here: Vec<&Sample> = samples.iter().filter(|sample| rest(sample) == whose).collect();
        let sums = here.iter().filter(|sample| sample.name.ends_with("_sum")).count();
        let mut before = (f64::NEG_INFINITY, 0.0);
        for bucket in here.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let end = bucket.labels.iter().find(|(label, _)| label == "le").map(|(_, end)| end.as_str());
            let end = match end {
                Some("+Inf") => f64::INFINITY,
                other => {
                    other.and_then(|end| end.parse().ok()).ok_or_else(|| format!("{name}: a step without an end"))?
                }
            };
            if end <= before.0 || bucket.value < before.1 {
                return Err(format!("{name}: steps go up, and so do their counts"));
            }
            before = (end, bucket.value);
        }
        if before.0.is_finite() || before.1.to_bits() != count.value.to_bits() || sums != 1 {
            return Err(format!("{name}: the last step is +Inf and counts all, and there is one sum"));
        }
    }
    let all: usize = counts.clone().map(|count| samples.iter().filter(|one| rest(one) == rest(count)).count()).sum();
    if all == samples.len() { Ok(()) } else { Err(format!("{name}: steps without their count")) }
}

#[test]
fn prometheus_reads_what_is_written() {
    let mut counted = Snapshot::default();
    let spread = Spread { steps: std::array::from_fn(|step| step as u64), sum: 12_345_678 };
    counted.add(Series::of(Metric::StoreRun, &[2]), &Value::Spread(spread));
    counted.add(Series::of(Metric::Jobs, &[1]), &Value::Count(4));
    let text = counted.prometheus();
    let families = read_exposition(&text).unwrap();
    let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(
        names,
        TABLE.iter().map(|spec| spec.name).collect::<Vec<_>>(),
        "each is there, also with nothing counted"
    );
    let histograms: usize = TABLE.iter().filter(|spec| spec.kind == Kind::Histogram).map(Spec::series).sum();
    let samples: usize = families.iter().map(|family| family.samples.len()).sum();
    assert_eq!(samples, SERIES - histograms + histograms * (STEPS + 3));
    let keys: Vec<String> =
        Series::all().filter(|series| series.spec().kind != Kind::Histogram).map(Series::key).collect();
    assert!(keys.iter().all(|key| text.contains(&format!("\n{key} "))), "a series is named as it is kept");
    assert!(text.contains("ollamanet_jobs_total{outcome=\"failed\"} 4\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_bucket{lane=\"vault_write\",le=\"0.0005\"} 3\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_sum{lane=\"vault_write\"} 12.345678\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_count{lane=\"vault_write\"} 210\n"), "{text}");
}

#[test]
fn what_stands_in_a_label_or_a_help_cannot_break_the_line() {
    let odd = "a\\b\"c\nd";
    let written = told::written("x_total", &[("of", odd)], None);
    let read = sample(&format!("{written} 1")).unwrap();
    assert_eq!(read, Sample { name: "x_total".into(), labels: vec![("of".into(), odd.into())], value: 1.0 });
    assert_eq!(told::help("a\\b\nc"), "a\\\\b\\nc");
}

#[test]
fn what_prometheus_would_refuse_is_noticed() {
    let head = "# HELP x_total h\n# TYPE x_total counter\n";
    let steps = "# HELP y h\n# TYPE y histogram\n";
    for (wrong, why) in [
        ("x_total 1\n".to_owned(), "no kind"),
        (format!("{head}x_total 1"), "no end"),
        (format!("{head}x_total  1\n"), "two blanks"),
        (format!("{head}x_total NaN\n"), "no number"),
        (format!("{head}x_total{{a=\"1\" }} 1\n"), "a blank"),
        (format!("{head}x_total{{a=\"1\",a=\"2\"}} 1\n"), "a label twice"),
        (format!("{head}x_total{{a=\"\\q\"}} 1\n"), "a mark that means nothing"),
        (format!("{head}x_total 1\nx_total 2\n"), "a series twice"),
        (format!("{head}y_total 1\n"), "another name"),
        (format!("{head}x_total 1\n{head}x_total{{a=\"1\"}} 1\n"), "a metric twice"),
        (format!("{head}x_total 1\n\n"), "an empty line"),
        (format!("{steps}y_bucket{{le=\"1\"}} 1\ny_sum 1\ny_count 1\n"), "no +Inf"),
        (format!("{steps}y_bucket{{le=\"1\"}} 2\ny_bucket{{le=\"+Inf\"}} 1\ny_sum 1\ny_count 1\n"), "not cumulative"),
        (
            format!(
                "{steps}y_bucket{{le=\"2\"}} 1\ny_bucket{{le=\"1\"}} 1\ny_bucket{{le=\"+Inf\"}} 1\ny_sum 1\ny_count 1\n"
            ),
            "steps down",
        ),
        (format!("{steps}y_bucket{{le=\"+Inf\"}} 1\ny_sum 1\ny_count 2\n"), "not all of them"),
        (format!("{steps}y_bucket{{le=\"+Inf\"}} 1\ny_count 1\n"), "no sum"),
        (format!("{steps}y_bucket{{le=\"+Inf\"}} 1\ny_sum 1\n"), "no count"),
    ] {
        assert!(read_exposition(&wrong).is_err(), "{why}: {wrong}");
    }
    assert_eq!(read_exposition(&format!("{head}x_total 1\n")).unwrap().len(), 1);
}
