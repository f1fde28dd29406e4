//! Where Ollama is: the grammar of `OLLAMA_HOST`, read as Ollama itself reads it.
//!
//! Not a resolver and not a policy. One invariant: an `Address` is a URL that a client can connect to, without
//! credentials in it, so it may be shown.

use std::{fmt, net::IpAddr};

use reqwest::Url;

/// Where Ollama listens unless told otherwise.
pub const DEFAULT: &str = "127.0.0.1:11434";

/// A server's address. Displayed as a URL without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("“{0}” is not an address of Ollama")]
    Unreadable(String),
    #[error("the scheme “{0}” is neither http nor https")]
    Scheme(String),
    /// The text is not repeated: it holds a secret.
    #[error("the address has a user name or password in it")]
    Credentials,
}

impl Address {
    /// Reads an address as Ollama reads `OLLAMA_HOST`: spaces and quotes trimmed; without a scheme `http` and port 11434;
    /// `http://` means port 80 and `https://` port 443 unless given; a path is kept; bare `ollama.com` is `https`; an
    /// invalid port is the default one; addresses to listen on (`0.0.0.0`, `::`) become the loopback one.
    ///
    /// # Errors
    /// Another scheme, credentials, or a host that no URL can hold.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let text = text.trim().trim_matches(['"', '\'']).trim();
        let (scheme, rest, default_port) = match text.split_once("://") {
            None if text == "ollama.com" => ("https", text, 443),
            None => ("http", text, 11434),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest, 80),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest, 443),
            Some((scheme, _)) => return Err(BadAddress::Scheme(scheme.to_owned())),
        };
        if rest.contains('@') {
            return Err(BadAddress::Credentials);
        }
        let (host_port, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = split_port(host_port);
        let port = match port {
            Some(port) => port.parse::<u16>().unwrap_or(default_port),
            None => default_port,
        };
        let bare = host.trim_matches(['[', ']']);
        let host = match bare.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            Ok(IpAddr::V6(ip)) if ip.is_unspecified() => "[::1]".to_owned(),
            Ok(IpAddr::V4(ip)) => ip.to_string(),
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            Err(_) if host.is_empty() => "127.0.0.1".to_owned(),
            Err(_) => host.to_owned(),
        };
        let unreadable = || BadAddress::Unreadable(text.to_owned());
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let url = Url::parse(&format!("{scheme}://{host}:{port}/{path}")).map_err(|_| unreadable())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(unreadable());
        }
        Ok(Self { url })
    }

    /// Whether it can only be this machine, whatever way its number is written.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return ip.to_canonical().is_loopback();
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether prompts would cross a network in the clear.
    #[must_use]
    pub fn is_plaintext_remote(&self) -> bool {
        !self.is_https() && !self.is_loopback()
    }

    /// The URL of a path of ours below the address' own path. `path` begins with a slash and holds nothing foreign.
    #[must_use]
    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// Host and port. An IPv6 number without brackets has no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(end) = text.rfind(']') {
        let (host, rest) = text.split_at(end + 1);
        return (host, rest.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ollama_host_is_read_as_ollama_reads_it() {
        for (text, url) in [
            ("", "http://127.0.0.1:11434"),
            ("  \"example.com\"  ", "http://example.com:11434"),
            ("'example.com:56789'", "http://example.com:56789"),
            ("1.2.3.4", "http://1.2.3.4:11434"),
            ("1.2.3.4:8080", "http://1.2.3.4:8080"),
            (":1234", "http://127.0.0.1:1234"),
            (":", "http://127.0.0.1:11434"),
            ("http://1.2.3.4", "http://1.2.3.4"),
            ("https://1.2.3.4", "https://1.2.3.4"),
            ("https://example.com:4321", "https://example.com:4321"),
            ("HTTPS://example.com", "https://example.com"),
            ("example.com/ollama", "http://example.com:11434/ollama"),
            ("https://example.com/a/b/", "https://example.com/a/b"),
            ("ollama.com", "https://ollama.com"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("::", "http://[::1]:11434"),
            ("[::]:8080", "http://[::1]:8080"),
            ("::1", "http://[::1]:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::1]:99", "http://[::1]:99"),
            ("http://[fe80::1]:80", "http://[fe80::1]"),
            ("example.com:0x1", "http://example.com:11434"),
            ("example.com:66000", "http://example.com:11434"),
            ("example.com:-1", "http://example.com:11434"),
            ("https://example.com:nope", "https://example.com"),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()), Ok(url.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(Address::parse("ftp://x"), Err(BadAddress::Scheme("ftp".into())));
        assert_eq!(Address::parse("http://me:secret@x"), Err(BadAddress::Credentials));
        assert_eq!(Address::parse("exa mple"), Err(BadAddress::Unreadable("exa mple".into())));
    }

    #[test]
    fn loopback_is_seen_through_every_spelling() {
        for text in [
            "",
            "127.1.2.3",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "[::ffff:127.0.0.1]",
            "2130706433",
            "0x7f.1",
            "::",
        ] {
            assert!(Address::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["1.2.3.4", "localhost.example.com", "[::ffff:1.2.3.4]", "192.168.1.2", "64:ff9b::7f00:1"] {
            let address = Address::parse(text).unwrap();
            assert!(!address.is_loopback(), "{text}");
            assert!(address.is_plaintext_remote());
        }
    }

    #[test]
    fn paths_stand_below_the_prefix() {
        assert_eq!(Address::parse("http://h/p/").unwrap().at("/api/tags").as_str(), "http://h/p/api/tags");
        assert_eq!(Address::parse("h").unwrap().at("/api/tags").as_str(), "http://h:11434/api/tags");
    }
}
