//! Whether a model runs on this machine: an estimate before, and what was measured once it ran.
//!
//! # The estimate
//!
//! ```text
//! needs   = weights + cache + working room
//! weights = the model's size on disk
//! cache   = layers · heads of keys and values · (length of a key + length of a value) · window · 2 bytes
//! working = 64 MiB + a tenth of the weights, at most 1 GiB
//! ```
//!
//! The figures of the cache come from `/api/show` (`block_count`, `attention.head_count_kv`, `attention.key_length`,
//! `attention.value_length`); two bytes are Ollama's default `f16`. A model that looks back only through a sliding window,
//! or packs its cache, needs less, so this is an upper bound. Before a model is installed these figures are not known, and
//! the bytes a token takes are guessed by the number of parameters, as grouped-query models of that size have them.
//!
//! Of a GPU's memory 512 MiB are left to the driver and the desktop; of main memory a fifth to everything else. Shared
//! memory (Apple) gives three quarters of itself to the GPU, which is Metal's own default limit.
//!
//! It is pure: what the machine has, `machine` finds out.

use crate::api::{
    amount,
    fleet::{Fit, Machine, Parts, Verdict},
    models::Geometry,
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Bytes of one element of the context's cache.
const ELEMENT: u64 = 2;
/// Left to the driver and the desktop on each GPU.
const RESERVED: u64 = 512 * MIB;

/// What an estimate is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weighed {
    /// Size on disk.
    pub bytes: Option<u64>,
    pub parameter_count: Option<u64>,
    pub geometry: Option<Geometry>,
    /// The trained maximum, tokens.
    pub context_length: Option<u32>,
    pub is_remote: bool,
}

/// How a model sat in memory when it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub context: u32,
    pub bytes: u64,
    pub gpu_bytes: u64,
}

/// The verdict and its figures, without words: for lists of thousands.
pub(super) fn judged(machine: Option<&Machine>, model: &Weighed, context: Option<u32>, measured: &[Measured]) -> Fit {
    if model.is_remote {
        return Fit::default();
    }
    // It ran: with the window that is asked for, or with any if none is.
    let ran =
        measured.iter().filter(|ran| context.is_none_or(|context| context == ran.context)).max_by_key(|r| r.context);
    if let Some(ran) = ran {
        let verdict = match ran.gpu_bytes {
            0 => Verdict::Ram,
            gpu if gpu >= ran.bytes => Verdict::Gpu,
            _ => Verdict::Partly,
        };
        return Fit {
            verdict,
            context: Some(ran.context),
            needs: Some(ran.bytes),
            parts: None,
            in_gpu: Some(ran.gpu_bytes.min(ran.bytes)),
            is_measured: true,
            because: String::new(),
        };
    }
    let window = window(machine, model, context);
    let Some(parts) = parts(model, window) else {
        return Fit { context: Some(window), ..Fit::default() };
    };
    let needs = parts.weights.saturating_add(parts.context_cache).saturating_add(parts.working);
    let fit = Fit { context: Some(window), needs: Some(needs), parts: Some(parts), ..Fit::default() };
    let Some(machine) = machine.filter(|machine| machine.is_ollamas) else { return fit };
    let (gpu, ram) = (gpu_room(machine), ram_room(machine));
    let is_shared = machine.gpus.iter().any(|gpu| gpu.is_shared);
    let (verdict, in_gpu) = match ram {
        _ if gpu > 0 && needs <= gpu => (Verdict::Gpu, needs),
        // Shared memory is one memory: what is too much for its GPU's part may still fit the whole.
        Some(ram) if needs <= ram && (gpu == 0 || is_shared) => (Verdict::Ram, 0),
        Some(ram) if gpu > 0 && !is_shared && needs <= gpu.saturating_add(ram) => (Verdict::Partly, gpu),
        Some(_) => (Verdict::TooBig, 0),
        None => (Verdict::Unknown, 0),
    };
    Fit { verdict, in_gpu: verdict.runs().and_then(|runs| runs.then_some(in_gpu)), ..fit }
}

/// The same with its reason in whole sentences.
pub(super) fn explained(
    machine: Option<&Machine>,
    model: &Weighed,
    context: Option<u32>,
    measured: &[Measured],
) -> Fit {
    let fit = judged(machine, model, context, measured);
    let because = reason(machine, model, &fit);
    Fit { because, ..fit }
}

fn reason(machine: Option<&Machine>, model: &Weighed, fit: &Fit) -> String {
    if model.is_remote {
        return "It runs on Ollama's servers, not here.".to_owned();
    }
    let (Some(needs), Some(context)) = (fit.needs, fit.context) else {
        return "Nobody has said how large it is, so nothing can be said about its fit.".to_owned();
    };
    if fit.is_measured {
        let place = match (fit.verdict, fit.in_gpu) {
            (Verdict::Gpu, _) => "all of it in the GPU's memory".to_owned(),
            (Verdict::Partly, Some(gpu)) => format!("{} of it in the GPU's memory", amount::bytes(gpu)),
            (Verdict::Partly | Verdict::Ram | Verdict::TooBig | Verdict::Unknown, _) => {
                "all of it in main memory".to_owned()
            }
        };
        return format!(
            "Measured: with a window of {context} tokens it took {} when it ran, {place}.",
            amount::bytes(needs)
        );
    }
    let parts = fit.parts.unwrap_or_default();
    let how = if parts.is_cache_exact { "" } else { ", guessed by its number of parameters" };
    let needed = format!(
        "Estimated: it needs about {} ({} of weights, {} for a window of {context} tokens{how}, {} to work in)",
        amount::bytes(needs),
        amount::bytes(parts.weights),
        amount::bytes(parts.context_cache),
        amount::bytes(parts.working),
    );
    let Some(machine) = machine else {
        return format!("{needed}; this machine has not been looked at yet.");
    };
    if !machine.is_ollamas {
        return format!("{needed}; Ollama runs on another machine, whose memory is not known from here.");
    }
    let gpu: u64 = machine.gpus.iter().map(|gpu| gpu.memory).sum();
    let is_shared = machine.gpus.iter().any(|gpu| gpu.is_shared);
    let ram = machine.memory.map_or_else(
        || "an unknown amount of main memory".to_owned(),
        |ram| format!("{} of main memory", amount::bytes(ram)),
    );
    let has = match (gpu, is_shared) {
        (0, _) => format!("this machine has no GPU that Ollama is known to use, and {ram}"),
        (_, true) => format!("this machine has {ram}, of which its GPU may use {}", amount::bytes(gpu_room(machine))),
        (gpu, false) => format!("this machine has {} of GPU memory and {ram}", amount::bytes(gpu)),
    };
    let so = match fit.verdict {
        Verdict::Gpu => "it fits wholly into the GPU's memory",
        Verdict::Partly => "a part goes into the GPU's memory and the rest into main memory, which is slower",
        Verdict::Ram => "it fits into main memory, and the processor does the work",
        Verdict::TooBig => "that is too little",
        Verdict::Unknown => "whether that is enough cannot be told",
    };
    format!("{needed}; {has}: {so}.")
}

/// What Ollama can use of the GPUs together.
fn gpu_room(machine: &Machine) -> u64 {
    machine
        .gpus
        .iter()
        .map(|gpu| if gpu.is_shared { gpu.memory / 4 * 3 } else { gpu.memory.saturating_sub(RESERVED) })
        .fold(0, u64::saturating_add)
}

fn ram_room(machine: &Machine) -> Option<u64> {
    machine.memory.map(|memory| memory / 5 * 4)
}

/// The window it is judged for: the one asked for, else the one that Ollama would load (its own rule goes by the GPU's
/// memory), and never more than the model was trained for.
fn window(machine: Option<&Machine>, model: &Weighed, context: Option<u32>) -> u32 {
    let default =
        machine.map_or(4096, |machine| match machine.gpus.iter().map(|gpu| gpu.memory).fold(0, u64::saturating_add) {
            0..25_769_803_776 => 4096,
            25_769_803_776..51_539_607_552 => 32_768,
            _ => 262_144,
        });
    let asked = context.unwrap_or(default);
    model.context_length.filter(|trained| *trained > 0).map_or(asked, |trained| asked.min(trained))
}

fn parts(model: &Weighed, window: u32) -> Option<Parts> {
    let weights = model.bytes.filter(|bytes| *bytes > 0)?;
    let (token, is_cache_exact) = match model.geometry {
        Some(geometry) => (cache_of_a_token(geometry), true),
        None => (guessed_cache_of_a_token(model.parameter_count.unwrap_or_else(|| weights.saturating_mul(2))), false),
    };
    Some(Parts {
        weights,
        context_cache: token.saturating_mul(u64::from(window)),
        working: (64 * MIB + weights / 10).min(GIB),
        is_cache_exact,
    })
}

fn cache_of_a_token(geometry: Geometry) -> u64 {
    let Geometry { layers, kv_heads, key_length, value_length } = geometry;
    u64::from(layers)
        .saturating_mul(u64::from(kv_heads))
        .saturating_mul(u64::from(key_length) + u64::from(value_length))
        .saturating_mul(ELEMENT)
}

/// As grouped-query models of this size have it: 1B 16 layers · 8 heads · 2 · 64, 3B 28 · 8 · 2 · 128, 8B 32 · 8 · 2 · 128,
/// 14B 48, 32B 64, 70B 80 layers. Where the number of parameters is not known either, four bits each are taken.
fn guessed_cache_of_a_token(parameters: u64) -> u64 {
    const BILLION: u64 = 1_000_000_000;
    match parameters {
        0..2_000_000_000 => 32 * KIB,
        2_000_000_000..5_000_000_000 => 112 * KIB,
        5_000_000_000..10_000_000_000 => 128 * KIB,
        10_000_000_000..20_000_000_000 => 192 * KIB,
        20_000_000_000..50_000_000_000 => 256 * KIB,
        many if many < 100 * BILLION => 320 * KIB,
        _ => 512 * KIB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fleet::Gpu;

    fn machine(ram_gib: u64, gpus_gib: &[u64]) -> Machine {
        let gpus = gpus_gib.iter().map(|gib| Gpu { name: "a GPU".to_owned(), memory: gib * GIB, is_shared: false });
        Machine { memory: Some(ram_gib * GIB), gpus: gpus.collect(), is_ollamas: true }
    }

    /// Llama 3.1 8B, as `/api/show` tells it.
    fn llama() -> Weighed {
        Weighed {
            bytes: Some(4_920_000_000),
            parameter_count: Some(8_030_000_000),
            geometry: Some(Geometry { layers: 32, kv_heads: 8, key_length: 128, value_length: 128 }),
            context_length: Some(131_072),
            is_remote: false,
        }
    }

    #[test]
    fn the_formula_gives_what_it_says() {
        let fit = judged(Some(&machine(32, &[])), &llama(), Some(8192), &[]);
        // 32 layers · 8 heads · 256 · 8192 tokens · 2 bytes = 1 GiB.
        let parts =
            Parts { weights: 4_920_000_000, context_cache: GIB, working: 64 * MIB + 492_000_000, is_cache_exact: true };
        assert_eq!(
            fit,
            Fit {
                verdict: Verdict::Ram,
                context: Some(8192),
                needs: Some(parts.weights + parts.context_cache + parts.working),
                parts: Some(parts),
                in_gpu: Some(0),
                is_measured: false,
                because: String::new(),
            }
        );
    }

    #[test]
    fn the_verdict_goes_by_what_the_machine_has() {
        let apple = Machine {
            gpus: vec![Gpu { name: "Apple".to_owned(), memory: 8 * GIB, is_shared: true }],
            ..machine(8, &[])
        };
        for (machine, verdict) in [
            (machine(32, &[]), Verdict::Ram),
            (machine(4, &[]), Verdict::TooBig),
            (machine(32, &[8]), Verdict::Gpu),
            (machine(32, &[4, 4]), Verdict::Gpu),
            (machine(16, &[4]), Verdict::Partly),
            (machine(2, &[4]), Verdict::TooBig),
            // Three quarters are 6 GiB, the whole is 6.4.
            (apple, Verdict::Gpu),
            (Machine { memory: None, ..machine(1, &[]) }, Verdict::Unknown),
            (Machine { is_ollamas: false, ..machine(64, &[64]) }, Verdict::Unknown),
        ] {
            assert_eq!(judged(Some(&machine), &llama(), None, &[]).verdict, verdict, "{machine:?}");
        }
        assert_eq!(judged(None, &llama(), None, &[]).verdict, Verdict::Unknown);
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let nothing = explained(Some(&machine(64, &[])), &Weighed::default(), None, &[]);
        assert_eq!((nothing.verdict, nothing.needs), (Verdict::Unknown, None));
        assert_eq!(nothing.because, "Nobody has said how large it is, so nothing can be said about its fit.");
        let remote = Weighed { is_remote: true, ..llama() };
        assert_eq!(explained(Some(&machine(64, &[])), &remote, None, &[]).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_window_is_ollamas_own_and_never_wider_than_trained() {
        for (machine, asked, window) in [
            (machine(64, &[]), None, 4096),
            (machine(64, &[24]), None, 32_768),
            (machine(64, &[24, 24]), None, 131_072),
            (machine(64, &[]), Some(1_000_000), 131_072),
            (machine(64, &[]), Some(512), 512),
        ] {
            assert_eq!(judged(Some(&machine), &llama(), asked, &[]).context, Some(window));
        }
    }

    #[test]
    fn what_was_measured_takes_the_place_of_the_estimate_and_says_so() {
        let ran = Measured { context: 4096, bytes: 6 * GIB, gpu_bytes: 2 * GIB };
        let small = machine(4, &[]);
        let fit = explained(Some(&small), &llama(), None, &[ran]);
        assert_eq!((fit.verdict, fit.is_measured, fit.in_gpu), (Verdict::Partly, true, Some(2 * GIB)));
        assert_eq!(
            fit.because,
            "Measured: with a window of 4096 tokens it took 6.4 GB when it ran, 2.1 GB of it in the GPU's memory."
        );
        // Another window was never tried.
        assert!(!judged(Some(&small), &llama(), Some(8192), &[ran]).is_measured);
    }

    #[test]
    fn a_guess_says_that_it_is_one_and_the_reason_has_the_figures() {
        let guessed = Weighed { geometry: None, ..llama() };
        let fit = explained(Some(&machine(16, &[4])), &guessed, None, &[]);
        assert_eq!(
            fit.because,
            "Estimated: it needs about 6.0 GB (4.9 GB of weights, 537 MB for a window of 4096 tokens, guessed by its number \
             of parameters, 559 MB to work in); this machine has 4.3 GB of GPU memory and 17.2 GB of main memory: a part goes \
             into the GPU's memory and the rest into main memory, which is slower."
        );
    }

    #[test]
    fn figures_that_no_model_has_overflow_nothing() {
        let mad = Weighed {
            bytes: Some(u64::MAX),
            geometry: Some(Geometry {
                layers: u32::MAX,
                kv_heads: u32::MAX,
                key_length: u32::MAX,
                value_length: u32::MAX,
            }),
            context_length: Some(u32::MAX),
            ..Weighed::default()
        };
        assert_eq!(explained(Some(&machine(64, &[64])), &mad, Some(u32::MAX), &[]).verdict, Verdict::TooBig);
    }
}
