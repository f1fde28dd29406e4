//! Where the steps of requests are sent, if anywhere: the address of a collector, and whether it may be used.
//!
//! Pure. Whether this program was built to send anything is told from outside, so that both can be tested. Invariant: an
//! address has no credentials and no question in it, so it may be shown.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use super::TraceConfig;

/// Whether this program was built with it.
pub const IS_BUILT: bool = cfg!(feature = "otel");

/// What an address looks like, for people.
pub const EXAMPLE: &str = "http://127.0.0.1:4318";

/// A collector's address, without the path that is asked there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    url: String,
    is_https: bool,
    is_loopback: bool,
}

impl Collector {
    /// `http://HOST:PORT` or `https://…`, with a path in front of the usual one where there is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        // A name before an @, a question or a fragment may hold a secret, and none of them is wanted.
        if rest.contains(['@', '?', '#', '\\', '%']) || rest.chars().any(|letter| !letter.is_ascii_graphic()) {
            return None;
        }
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((ip, rest)) => {
                ip.parse::<Ipv6Addr>().ok()?;
                match rest.strip_prefix(':') {
                    Some(port) => (ip, Some(port)),
                    None if rest.is_empty() => (ip, None),
                    None => return None,
                }
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
        let is_ip = host.parse::<IpAddr>().is_ok();
        if host.is_empty() || !(is_ip || host.chars().all(is_name)) {
            return None;
        }
        let is_port = |port: &str| {
            port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        if port.is_some_and(|port| !is_port(port)) {
            return None;
        }
        let path = path.trim_end_matches('/');
        let scheme = if is_https { "https" } else { "http" };
        let slash = if path.is_empty() { "" } else { "/" };
        let url = format!("{scheme}://{}{slash}{path}", place.to_ascii_lowercase());
        Some(Self { url, is_https, is_loopback: is_loopback(host) })
    }

    /// Whether it can only be this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Where traces go, as the protocol has it.
    #[must_use]
    pub fn traces(&self) -> String {
        format!("{}/v1/traces", self.url)
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn is_loopback(host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ip.to_canonical().is_loopback();
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Why the collector that is set cannot be used, and what to do.
#[must_use]
pub fn unfit(trace: &TraceConfig, is_built: bool) -> Option<(String, &'static str)> {
    let collector = Collector::parse(&trace.export)?;
    if !is_built {
        let message = "`trace.export` is set, but this program was built without the export of traces.";
        let hint = "Leave it away, or build with it: cargo install --path . --features otel";
        return Some((message.to_owned(), hint));
    }
    if !collector.is_loopback() && !trace.allow_remote {
        let message = format!("`trace.export` is {collector}, which is another machine.");
        let hint = "Use a collector on this machine, or allow it: allow_remote = true under [trace]. It then learns when \
                    somebody works here and what kinds of steps that takes, never what it is about.";
        return Some((message, hint));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(export: &str, allow_remote: bool) -> TraceConfig {
        TraceConfig { export: export.to_owned(), allow_remote, ..TraceConfig::default() }
    }

    #[test]
    fn an_address_is_a_plain_url() {
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (" HTTP://LocalHost:4318/ ", "http://localhost:4318/v1/traces"),
            ("https://otel.example/in", "https://otel.example/in/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("http://[::1]", "http://[::1]/v1/traces"),
        ] {
            assert_eq!(Collector::parse(text).unwrap().traces(), url);
        }
        for text in [
            "",
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "http://",
            "http://:4318",
            "http://user:secret@127.0.0.1:4318",
            "http://127.0.0.1:4318/?key=secret",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:",
            "http://127.0.0.1:0",
            "http://127.0.0.1:+80",
            "http://[::1]:",
            "http://[127.0.0.1]:4318",
            "http://[::1]x",
            "http://a b",
            "http://a\u{1b}[2J",
            "http://a%2fb",
        ] {
            assert_eq!(Collector::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_can_be_no_other_machine_needs_no_permission() {
        for (text, is_here) in [
            ("http://127.9.9.9:1", true),
            ("http://[::ffff:127.0.0.1]:1", true),
            ("http://sub.localhost.:1", true),
            ("http://0.0.0.0:1", false),
            ("http://localhost.example:1", false),
            ("http://127.1:1", false),
            ("http://192.168.0.2:4318", false),
        ] {
            assert_eq!(Collector::parse(text).unwrap().is_loopback(), is_here, "{text}");
            assert_eq!(unfit(&set(text, false), true).is_none(), is_here, "{text}");
            assert_eq!(unfit(&set(text, true), true), None, "{text}");
        }
    }

    #[test]
    fn a_program_that_cannot_send_says_so_and_one_that_is_to_send_nothing_says_nothing() {
        let (message, hint) = unfit(&set(EXAMPLE, false), false).unwrap();
        assert!(message.contains("built without") && hint.contains("--features otel"), "{message} {hint}");
        assert_eq!(unfit(&TraceConfig::default(), false), None);
    }
}
