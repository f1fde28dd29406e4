//! Where the time of answers went: one row per answer that this program saw to its end.

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::{
    api::{RequestId, slowness::Phases},
    store::{StoreError, While},
};

/// The parts of an answer's time, and the request that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub phases: Phases,
    pub request: RequestId,
}

/// Keeps them. An answer that is gone on with has cost both.
pub fn keep(tx: &Transaction<'_>, message: i64, times: &Times) -> Result<(), StoreError> {
    let Phases { queue, own, connect, send, load, prompt, first_token, generation, network } = times.phases;
    let whole = |micros: u64| i64::try_from(micros).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO answer_times
             (message, request, queue_us, own_us, connect_us, send_us, load_us, prompt_us, first_us, answer_us, network_us)
         VALUES (:message, :request, :queue, :own, :connect, :send, :load, :prompt, :first, :answer, :network)
         ON CONFLICT (message) DO UPDATE SET request = excluded.request, queue_us = queue_us + excluded.queue_us,
             own_us = own_us + excluded.own_us, connect_us = connect_us + excluded.connect_us,
             send_us = send_us + excluded.send_us, load_us = load_us + excluded.load_us,
             prompt_us = prompt_us + excluded.prompt_us, first_us = first_us + excluded.first_us,
             answer_us = answer_us + excluded.answer_us, network_us = network_us + excluded.network_us",
    )
    .and_then(|mut keep| {
        keep.execute(named_params! {
            ":message": message,
            ":request": times.request.0,
            ":queue": whole(queue),
            ":own": whole(own),
            ":connect": whole(connect),
            ":send": whole(send),
            ":load": whole(load),
            ":prompt": whole(prompt),
            ":first": whole(first_token),
            ":answer": whole(generation),
            ":network": whole(network),
        })
    })
    .while_("keeping where an answer's time went")?;
    Ok(())
}

/// Those of an answer, if they were kept.
pub fn of(tx: &Transaction<'_>, message: i64) -> Result<Option<Times>, StoreError> {
    tx.prepare_cached(
        "SELECT request, queue_us, own_us, connect_us, send_us, load_us, prompt_us, first_us, answer_us, network_us
         FROM answer_times WHERE message = :message",
    )
    .and_then(|mut find| {
        find.query_row(named_params! { ":message": message }, |row| {
            let micros = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, i64>(name)?.unsigned_abs());
            Ok(Times {
                request: RequestId(row.get("request")?),
                phases: Phases {
                    queue: micros("queue_us")?,
                    own: micros("own_us")?,
                    connect: micros("connect_us")?,
                    send: micros("send_us")?,
                    load: micros("load_us")?,
                    prompt: micros("prompt_us")?,
                    first_token: micros("first_us")?,
                    generation: micros("answer_us")?,
                    network: micros("network_us")?,
                },
            })
        })
        .optional()
    })
    .while_("reading where an answer's time went")
}
