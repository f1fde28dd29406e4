//! Text on the screen: wrapping, Markdown, answers as they arrive, coloured code.
