//! What counting and tracing cost a stream: the same answers with and without, in turns and in one run. What is compared is
//! the processor time of all threads but those of the stand-in for Ollama.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::print_stdout,
    reason = "a bench that cannot go on should say where"
)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use ollamanet::{
    api::{
        auth::{NewAccount, Secret, Session},
        chat::{NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::NewConversation,
    },
    app::{self, Watching},
    config::{Config, live::Live},
    fake::{Fake, Reply, StandIn},
    gateway::Gateway,
    logging,
    metrics::Metrics,
    paths::Paths,
    tasks::Tasks,
    trace::{By, Entry, Ring},
};
use serde_json::json;
use tracing::{
    Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    reload,
};

/// Tokens of an answer.
const TOKENS: usize = 2000;
/// Answers in one round.
const ANSWERS: usize = 8;
const ROUNDS: usize = 60;
/// Threads of the stand-in.
const SERVER: &str = "server";

/// Nanoseconds that this process's threads have run, without those of the stand-in.
fn spent() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            let run = fs::read_to_string(task.path().join("schedstat")).ok()?;
            (!name.starts_with(SERVER)).then(|| run.split(' ').next()?.parse::<u64>().ok())?
        })
        .sum()
}

struct House {
    gateway: Gateway,
    session: Session,
    tasks: Tasks,
}

async fn house(home: &Path, url: &str, watching: &Watching) -> House {
    let mut config = Config::default();
    url.clone_into(&mut config.ollama.host);
    config.chat.titles = false;
    config.limits.chat_per_minute = 6000;
    let paths = Paths::find(Some(&home.join("data"))).unwrap();
    let tasks = Tasks::new();
    let gateway = app::compose_watched(&paths, &config, &Live::fixed(config.clone()), &tasks, watching).unwrap();
    let new = NewAccount { name: "bench".to_owned(), passphrase: Secret::new("basin lumen tripod velvet marsh") };
    let session = gateway.create_first_admin(new).await.unwrap().session;
    House { gateway, session, tasks }
}

impl House {
    /// So many answers, one after the other; the processor time that they took.
    async fn answers(&self) -> u64 {
        let mut events = self.gateway.events(&self.session).await.unwrap();
        let new = NewConversation { model: Some("demo-chat:3b".to_owned()), ..NewConversation::default() };
        let conversation = self.gateway.create_conversation(&self.session, new).await.unwrap().row.id;
        let before = spent();
        for _ in 0..ANSWERS {
            let act = TurnAct::Send { text: "Tell me".to_owned(), attachments: Vec::new() };
            let new = NewTurn { conversation, act, model: None, shorten: false };
            Box::pin(Entry::new(By::Key).around(self.gateway.start_turn(&self.session, new))).await.unwrap();
            while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {}
        }
        spent() - before
    }
}

fn main() {
    let (tell, told) = mpsc::channel();
    let server = std::thread::Builder::new().name(SERVER.to_owned());
    server
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let tasks = Tasks::new();
                let fake = Fake::start(&tasks, |seen| {
                    if seen.path != "/api/chat" {
                        return Some(StandIn::new(ollamanet::fake::Pace::instant()).reply(seen));
                    }
                    let token = json!({ "message": { "role": "assistant", "content": "word " }, "done": false });
                    let reply = (0..TOKENS).fold(Reply::stream(), |reply, _| reply.line(&token));
                    let done = json!({ "done": true, "done_reason": "stop", "total_duration": 9_000_000, "load_duration": 1,
                        "prompt_eval_count": 9, "prompt_eval_duration": 1, "eval_count": TOKENS, "eval_duration": 8_000_000 });
                    Some(reply.line(&done))
                })
                .await
                .unwrap();
                tell.send(fake.url()).unwrap();
                std::future::pending::<()>().await;
            });
        })
        .unwrap();
    let url = told.recv().unwrap();
    // A thread that ends takes its figures along.
    let keep = Duration::from_hours(1);
    let runtime = tokio::runtime::Builder::new_current_thread().thread_keep_alive(keep).enable_all().build().unwrap();
    let (with_home, without_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ring = Ring::of(100);
    let watching = Watching { ring: ring.clone(), metrics: Metrics::new(), ..Watching::default() };
    let blind = Watching { ring: Ring::default(), metrics: Metrics::none(), ..Watching::default() };
    // Spans end on the threads of databases as well, so whoever hears of them hears of all threads'; the level is what is
    // turned off and on.
    let (level, turn) = reload::Layer::new(LevelFilter::OFF);
    let counts = Counts::default();
    let heard = logging::heard(std::io::sink, LevelFilter::INFO, &ring).with(counts.clone()).with(level);
    tracing::subscriber::set_global_default(heard).unwrap();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let began = Instant::now();
    runtime.block_on(async {
        let seeing = house(with_home.path(), &url, &watching).await;
        let unseeing = house(without_home.path(), &url, &blind).await;
        // In turns, now the one first and now the other, so that what else the machine does meets both. The first two
        // rounds warm up.
        for round in 0..ROUNDS + 2 {
            for sees in [round % 2 == 0, round % 2 == 1] {
                turn.reload(if sees { LevelFilter::INFO } else { LevelFilter::OFF }).unwrap();
                let spent = Box::pin(if sees { &seeing } else { &unseeing }.answers()).await;
                if round > 1 {
                    let spents = if sees { &mut with } else { &mut without };
                    spents.push(spent);
                }
            }
        }
        assert!(ring.newest(1)[0].spans.len() > 8, "it is really traced: {:?}", ring.newest(1));
        for house in [seeing, unseeing] {
            house.tasks.stop(Duration::from_secs(5)).await;
        }
    });
    let median = |values: &[u64]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values[values.len() / 2] as f64 / ANSWERS as f64 / 1e6
    };
    let mut shares: Vec<f64> =
        with.iter().zip(&without).map(|(with, none)| *with as f64 / *none as f64 * 100.0 - 100.0).collect();
    shares.sort_by(f64::total_cmp);
    let quarter = shares.len() / 4;
    let low = |values: &[u64]| values.iter().min().map_or(0.0, |least| *least as f64 / ANSWERS as f64 / 1e6);
    let (least_with, least_without) = (low(&with), low(&without));
    let (with, without) = (median(&with), median(&without));
    println!("an answer of {TOKENS} tokens, {ROUNDS} rounds of {ANSWERS}, {:.0} s:", began.elapsed().as_secs_f64());
    println!("  counted, traced, with a log   {with:.3} ms of processor time");
    println!("  none of these                 {without:.3} ms");
    println!(
        "  the least of either           {least_with:.3} and {least_without:.3} ms: {:.2} %",
        least_with / least_without * 100.0 - 100.0
    );
    println!(
        "  difference                    {:.2} % by the medians; {:.2} % the median of the rounds, half of them {:.2} to {:.2}",
        with / without * 100.0 - 100.0,
        shares[shares.len() / 2],
        shares[quarter],
        shares[quarter * 3]
    );
    let (span, enter) = single_steps();
    let answers = (ANSWERS * (ROUNDS + 2)) as f64;
    let each = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / answers;
    let (spans, enters) = (each(&counts.0.spans), each(&counts.0.enters));
    let cost = (spans * span + enters * enter) / 1e6;
    println!(
        "an answer has {spans:.0} spans and enters them {enters:.0} times: {cost:.3} ms, {:.2} % of an answer",
        cost / without * 100.0
    );
}

/// Counts what is done with spans.
#[derive(Clone, Default)]
struct Counts(Arc<Counted>);

#[derive(Default)]
struct Counted {
    spans: AtomicU64,
    enters: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Counts {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.spans.fetch_add(1, Ordering::Relaxed);
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.0.enters.fetch_add(1, Ordering::Relaxed);
    }
}

/// What each step costs by itself, because the difference above is near to what the machine's own noise is: a span, and
/// entering it and leaving it, nanoseconds.
fn single_steps() -> (f64, f64) {
    const TIMES: u32 = 200_000;
    let each = |what: &str, mut step: Box<dyn FnMut()>| {
        let began = Instant::now();
        (0..TIMES).for_each(|_| step());
        let took = began.elapsed().as_nanos() as f64 / f64::from(TIMES);
        println!("  {what:<40} {took:.0} ns");
        took
    };
    println!("one step:");
    let metrics = Metrics::new();
    let counting = metrics.clone();
    each(
        "counting a store job",
        Box::new(move || {
            counting.store(ollamanet::metrics::Lane::VaultWrite, Duration::from_micros(3), Duration::from_micros(40));
        }),
    );
    let ring = Ring::of(100);
    let _heard = tracing::subscriber::set_default(logging::heard(std::io::sink, LevelFilter::INFO, &ring));
    let stream = tracing::info_span!(target: ollamanet::trace::CALLS, "call", what = "turns.start");
    let enter = each("entering a span and leaving it", Box::new(move || stream.in_scope(|| {})));
    let two = each(
        "a request of two spans",
        Box::new(|| {
            let call = tracing::info_span!(target: ollamanet::trace::CALLS, "call", what = "turns.start");
            call.in_scope(|| drop(tracing::info_span!(target: ollamanet::trace::PARTS, "store", what = "vault write")));
        }),
    );
    (two / 2.0, enter)
}
