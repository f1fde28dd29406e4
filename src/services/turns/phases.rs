//! How an answer's time is split into parts that add up to the whole.
//!
//! Two clocks are at work. Ours says when the call came, when the request left, when the first token and the end were
//! here; Ollama's says, at the end, how long it loaded, read and wrote. Ollama's figures are taken only as far as there is
//! room for them in what passed here, so that no part is counted twice whatever a server reports. Pure: instants and
//! durations come in, parts go out.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Spent;
use crate::{
    api::slowness::Phases,
    ollama::{Legs, Usage, Way},
};

/// What our own clock saw of an answer around its request.
#[derive(Clone, Debug)]
pub struct Clock {
    /// When the call came to the gate.
    since: Instant,
    /// In line behind other answers.
    queue: Duration,
    /// When the request left, if it came to that.
    left: Option<Instant>,
    /// The request's way to the first word of the answer.
    way: Way,
}

impl Clock {
    #[must_use]
    pub fn since(since: Instant) -> Self {
        Self { since, queue: Duration::ZERO, left: None, way: Way::default() }
    }

    /// It has waited this long in line.
    pub fn waited(&mut self, queue: Duration) {
        self.queue = queue;
    }

    /// The request leaves now, and tells where it is.
    pub fn leaves(&mut self, now: Instant) -> Way {
        self.left = Some(now);
        self.way.clone()
    }

    /// The parts as of `ended`, when nothing more came.
    #[must_use]
    pub fn phases(&self, ended: Instant, spent: &Spent, usage: Option<&Usage>) -> Phases {
        let left = self.left.unwrap_or(ended).min(ended);
        let before = (left - self.since).saturating_sub(self.queue);
        split(&Measured {
            queue: self.queue,
            own: before,
            request: ended - left,
            first: spent.first.filter(|_| self.left.is_some()),
            held: spent.held,
            legs: self.way.legs(),
            usage: usage.copied().unwrap_or_default(),
        })
    }
}

/// What was measured of one request.
#[derive(Clone, Copy, Debug)]
struct Measured {
    queue: Duration,
    own: Duration,
    /// From the request leaving to the end.
    request: Duration,
    /// From the request leaving to the first token.
    first: Option<Duration>,
    /// Of what came after it: the time in which we read nothing because nobody took what we had.
    held: Duration,
    /// Of what came before it: connecting and sending.
    legs: Legs,
    usage: Usage,
}

fn split(measured: &Measured) -> Phases {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let told = |ns: Option<u64>| ns.map(|ns| ns / 1000);
    let Usage { total_ns, load_ns, prompt_ns, answer_ns, .. } = measured.usage;
    let request = micros(measured.request);
    let before = measured.first.map_or(request, micros).min(request);
    let after = request - before;

    let generation = told(answer_ns).map_or(after, |told| told.min(after));
    let held = micros(measured.held).min(after - generation);
    let late = after - generation - held;

    let connect = micros(measured.legs.connect).min(before);
    let send = micros(measured.legs.send).min(before - connect);
    let at_server = before - connect - send;
    let load = told(load_ns).unwrap_or(0).min(at_server);
    let prompt = told(prompt_ns).unwrap_or(0).min(at_server - load);
    let rest = at_server - load - prompt;
    // What the server did not see of the request was on its way; what of that is known already is counted there.
    let known = connect + send + late + held;
    let carried = told(total_ns).map_or(0, |total| request.saturating_sub(total).saturating_sub(known));
    let carried = carried.min(rest);
    Phases {
        queue: micros(measured.queue),
        own: micros(measured.own) + held,
        connect,
        send,
        load,
        prompt,
        first_token: rest - carried,
        generation,
        network: carried + late,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn usage(total: u64, load: u64, prompt: u64, answer: u64) -> Usage {
        let ns = |ms: u64| Some(ms * 1_000_000);
        Usage {
            total_ns: ns(total),
            load_ns: ns(load),
            prompt_ns: ns(prompt),
            answer_ns: ns(answer),
            ..Usage::default()
        }
    }

    fn measured(request: u64, first: Option<u64>, usage: Usage) -> Measured {
        let (queue, own) = (ms(10), ms(5));
        let (held, legs) = (Duration::ZERO, Legs::default());
        Measured { queue, own, request: ms(request), first: first.map(ms), held, legs, usage }
    }

    #[test]
    fn each_part_is_found_where_it_was_spent() {
        // 20 ms there, 8 s loading, 1 s reading, 0.5 s in Ollama's line, 2 s writing that arrives over 2.1 s.
        let split = split(&measured(11_620, Some(9520), usage(11_500, 8000, 1000, 2000)));
        assert_eq!(
            split,
            Phases {
                queue: 10_000,
                own: 5000,
                connect: 0,
                send: 0,
                load: 8_000_000,
                prompt: 1_000_000,
                first_token: 500_000,
                generation: 2_000_000,
                network: 120_000,
            }
        );
    }

    #[test]
    fn connecting_and_sending_are_no_part_of_what_the_server_did() {
        // 3 s connecting, 1 s sending, and 5 s at the server, of which 4 s are told.
        let legs = Legs { connect: ms(3000), send: ms(1000), headers: ms(5000) };
        let split = split(&Measured { legs, ..measured(11_000, Some(9000), usage(7000, 3000, 1000, 2000)) });
        let Phases { connect, send, load, prompt, first_token, generation, network, .. } = split;
        assert_eq!((connect, send), (3_000_000, 1_000_000));
        assert_eq!((load, prompt, first_token, generation, network), (3_000_000, 1_000_000, 1_000_000, 2_000_000, 0));
    }

    #[test]
    fn a_screen_that_is_slow_to_take_the_pieces_is_our_own_time() {
        let slow = Measured { held: ms(700), ..measured(3000, Some(1000), usage(2300, 0, 1000, 1300)) };
        let split = split(&slow);
        assert_eq!((split.own, split.generation, split.network), (705_000, 1_300_000, 0));
    }

    #[test]
    fn an_answer_that_was_stopped_has_only_our_clock() {
        let Phases { load, prompt, first_token, generation, network, .. } =
            split(&measured(5000, Some(4000), Usage::default()));
        assert_eq!((load, prompt, first_token, generation, network), (0, 0, 4_000_000, 1_000_000, 0));
        let Phases { first_token, generation, .. } = split(&measured(5000, None, Usage::default()));
        assert_eq!((first_token, generation), (5_000_000, 0), "nothing came");
    }

    #[test]
    fn what_never_left_was_in_line_or_ours() {
        let since = Instant::now();
        let mut clock = Clock::since(since);
        clock.waited(ms(400));
        let phases = clock.phases(since + ms(450), &Spent::default(), None);
        assert_eq!(phases, Phases { queue: 400_000, own: 50_000, ..Phases::default() });
    }

    proptest! {
        #[test]
        fn the_parts_add_up_whatever_a_server_reports(
            request in 0u64..100_000, first in proptest::option::of(0u64..200_000), held in 0u64..100_000,
            (connect, send) in (0u64..150_000, 0u64..150_000),
            told in proptest::option::of((0u64..200_000, 0u64..200_000, 0u64..200_000, 0u64..200_000)),
        ) {
            let usage = told.map_or_else(Usage::default, |(total, load, prompt, answer)| usage(total, load, prompt, answer));
            let legs = Legs { connect: ms(connect), send: ms(send), headers: Duration::ZERO };
            let measured = Measured { held: ms(held), legs, ..measured(request, first, usage) };
            prop_assert_eq!(split(&measured).total(), (request + 15) * 1000);
        }
    }
}
