//! Serves the built-in stand-in for Ollama, to try the program against: `cargo run --example stand_in`, then in another
//! terminal `OLLAMA_HOST=<what it printed> ollamanet`.
#![expect(clippy::print_stdout, reason = "the address is for whoever started it")]

use ollamanet::{
    fake::{Pace, StandIn},
    tasks::Tasks,
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::lifelike()).await?;
    println!("{}", fake.url());
    tokio::signal::ctrl_c().await?;
    tasks.stop(std::time::Duration::from_secs(1)).await;
    Ok(())
}
