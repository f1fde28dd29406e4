use super::{table::TIMES, *};

#[test]
fn rows_stand_in_the_order_of_their_enum_and_every_series_is_found_by_its_name() {
    for (row, spec) in TABLE.iter().enumerate() {
        assert_eq!(spec.metric as usize, row, "{}", spec.name);
    }
    for series in Series::all() {
        assert_eq!(Series::named(&series.key()), Some(series));
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

/// The syntax of <https://prometheus.io/docs/instrumenting/exposition_formats/>, as far as this program uses it.
fn check_exposition(text: &str) -> usize {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    assert!(text.ends_with('\n'));
    let (mut of, mut kind, mut samples) = (String::new(), String::new(), 0);
    let mut last: Option<(String, f64)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            name.clone_into(&mut of);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, named) = rest.split_once(' ').unwrap();
            assert!(name == of && matches!(named, "counter" | "gauge" | "histogram"), "{line}");
            named.clone_into(&mut kind);
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
                None => (series, ""),
            };
            assert!(is_name(name), "{line}");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (label, value) = label.split_once('=').unwrap();
                assert!(is_name(label) && value.starts_with('"') && value.ends_with('"'), "{line}");
            }
            let suffix = name.strip_prefix(of.as_str()).unwrap_or_else(|| panic!("{name} stands under {of}"));
            match kind.as_str() {
                "histogram" => assert!(matches!(suffix, "_bucket" | "_sum" | "_count"), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
            if suffix == "_bucket" {
                let rest = labels.split(',').filter(|label| !label.starts_with("le=")).collect::<String>();
                let whose = format!("{name}{rest}");
                if let Some((before, count)) = &last {
                    assert!(*before != whose || *count <= value, "buckets are cumulative: {line}");
                }
                last = Some((whose, value));
            } else if suffix == "_count" {
                assert_eq!(last.as_ref().unwrap().1.to_bits(), value.to_bits(), "+Inf counts all: {line}");
            }
            samples += 1;
        }
    }
    samples
}

#[test]
fn prometheus_reads_what_is_written() {
    let mut counted = Snapshot::default();
    let spread = Spread { steps: std::array::from_fn(|step| step as u64), sum: 12_345_678 };
    counted.add(Series::of(Metric::StoreRun, &[2]), &Value::Spread(spread));
    counted.add(Series::of(Metric::Jobs, &[1]), &Value::Count(4));
    let text = counted.prometheus();
    let histograms: usize = TABLE.iter().filter(|spec| spec.kind == Kind::Histogram).map(Spec::series).sum();
    assert_eq!(check_exposition(&text), SERIES - histograms + histograms * (STEPS + 3));
    assert!(text.contains("ollamanet_jobs_total{outcome=\"failed\"} 4\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_bucket{lane=\"vault_write\",le=\"0.0005\"} 3\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_sum{lane=\"vault_write\"} 12.345678\n"), "{text}");
    assert!(text.contains("ollamanet_store_run_seconds_count{lane=\"vault_write\"} 210\n"), "{text}");
}
