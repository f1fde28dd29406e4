//! Images for the screen: decoded within bounds, made small, and put into what the terminal shows them by.
//!
//! The terminal is never asked what it can: an answer would come through the input, and a mute one would be waited for.
//! What it says of itself in the environment has to do; where that says nothing, half-blocks work everywhere.
//!
//! Invariant: nothing is decoded but what somebody looks at, never on the screen's thread, and no pixel before its
//! header has said how many there are.

use ratatui::{Frame, layout::Rect};

#[cfg(feature = "images")]
pub use with_images::Picture;
#[cfg(not(feature = "images"))]
pub use without_images::Picture;

/// How a picture gets onto the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    Kitty,
    Iterm2,
    Sixel,
    /// Two pixels a cell, in colours of the text.
    HalfBlocks,
}

/// What is known of the terminal without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canvas {
    pub means: Means,
    /// Pixels of one cell.
    pub cell: (u32, u32),
}

impl Canvas {
    #[must_use]
    pub fn of_this_terminal() -> Self {
        let pixels = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let cell = pixels.and_then(|size| {
            let width = u32::from(size.ws_xpixel).checked_div(u32::from(size.ws_col))?;
            let height = u32::from(size.ws_ypixel).checked_div(u32::from(size.ws_row))?;
            (width > 0 && height > 0).then_some((width, height))
        });
        Self::of(|name| std::env::var(name).ok(), cell)
    }

    /// By these variables, and the pixels of a cell where they are known: without them a real picture has no size.
    fn of(variable: impl Fn(&str) -> Option<String>, cell: Option<(u32, u32)>) -> Self {
        let blocks = Self { means: Means::HalfBlocks, cell: (1, 2) };
        let Some(cell) = cell else { return blocks };
        let term = variable("TERM").unwrap_or_default();
        let program = variable("TERM_PROGRAM").unwrap_or_default();
        // A multiplexer stands between, and what it says of the terminal outside may be long out of date.
        let is_inside = variable("TMUX").is_some() || variable("STY").is_some();
        if is_inside || term.starts_with("screen") || term.starts_with("tmux") {
            return blocks;
        }
        let means = if variable("KITTY_WINDOW_ID").is_some()
            || matches!(term.as_str(), "xterm-kitty" | "xterm-ghostty")
            || program == "ghostty"
        {
            Means::Kitty
        } else if matches!(program.as_str(), "iTerm.app" | "WezTerm" | "mintty") {
            Means::Iterm2
        } else if term.starts_with("foot") || matches!(term.as_str(), "mlterm" | "yaft-256color" | "contour") {
            Means::Sixel
        } else {
            return blocks;
        };
        Self { means, cell }
    }
}

/// Whether a cell holds a picture and not a text: the one thing that may bring control sequences to the terminal. They
/// are made of what was decoded, encoded anew, so that nothing of the file is in them.
#[must_use]
pub fn is_picture(symbol: &str) -> bool {
    let has = |introducer: &str| symbol.contains(introducer);
    symbol.starts_with('\x1b')
        && (has("\x1b_G") || has("\x1bP") || has("\x1b]1337;File=inline=1;"))
        && symbol.chars().all(|c| !c.is_control() || matches!(c, '\x1b' | '\x07' | '\n' | '\r'))
}

#[cfg(feature = "images")]
mod with_images {
    use std::{fmt, io::Cursor, sync::Arc};

    use image::{DynamicImage, ImageReader, Limits};
    use ratatui::layout::Size;
    use ratatui_image::{
        Image,
        protocol::{Protocol, halfblocks::Halfblocks, iterm2::Iterm2, kitty::Kitty, sixel::Sixel},
    };

    use super::{Canvas, Frame, Means, Rect};

    /// A camera makes 24 million or so; what has more is shrunk by whoever sends it to a model anyway.
    const PIXELS: u64 = 40_000_000;
    /// Bytes that decoding may take.
    const MEMORY: u64 = 200 << 20;

    /// A picture that is ready to be drawn.
    #[derive(Clone)]
    pub struct Picture {
        drawn: Arc<Protocol>,
        pixels: (u32, u32),
    }

    impl Picture {
        /// Decodes the file and fits it into so many cells. Takes as long as that takes: not for the screen's thread.
        ///
        /// # Errors
        /// Why it cannot be shown, in a sentence.
        pub fn decode(file: &[u8], (columns, rows): (u16, u16), canvas: Canvas) -> Result<Self, String> {
            let broken = |_| "The image is damaged.".to_owned();
            let reader = || ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| String::new());
            let pixels = reader()?.into_dimensions().map_err(broken)?;
            if u64::from(pixels.0) * u64::from(pixels.1) > PIXELS {
                return Err(format!("The image has {} × {} pixels, too many to be shown here.", pixels.0, pixels.1));
            }
            let mut reader = reader()?;
            let mut limits = Limits::default();
            limits.max_alloc = Some(MEMORY);
            reader.limits(limits);
            let whole = reader.decode().map_err(broken)?;
            let (width, height) = canvas.cell;
            let room = (u32::from(columns.max(1)) * width, u32::from(rows.max(1)) * height);
            let fitted = if pixels.0 > room.0 || pixels.1 > room.1 { whole.thumbnail(room.0, room.1) } else { whole };
            let cells = |pixels: u32, cell: u32| u16::try_from(pixels.div_ceil(cell).max(1)).unwrap_or(u16::MAX);
            let size = Size::new(cells(fitted.width(), width), cells(fitted.height(), height));
            let drawn = drawn(fitted, size, canvas.means).map_err(|_| "This terminal cannot show it.".to_owned())?;
            Ok(Self { drawn: Arc::new(drawn), pixels })
        }

        /// Width and height of the file, not of what is on the screen.
        pub fn pixels(&self) -> (u32, u32) {
            self.pixels
        }

        /// False when there is not enough room.
        pub fn view(&self, frame: &mut Frame, area: Rect) -> bool {
            let size = self.drawn.size();
            if size.width > area.width || size.height > area.height {
                return false;
            }
            let middle =
                Rect { x: area.x + (area.width - size.width) / 2, width: size.width, height: size.height, ..area };
            frame.render_widget(Image::new(&self.drawn), middle);
            true
        }
    }

    fn drawn(image: DynamicImage, size: Size, means: Means) -> Result<Protocol, ratatui_image::errors::Errors> {
        Ok(match means {
            Means::Kitty => Protocol::Kitty(Kitty::new(image, size, rand::random(), false, false)?),
            Means::Iterm2 => Protocol::ITerm2(Iterm2::new(image, size, false)?),
            Means::Sixel => Protocol::Sixel(Sixel::new(image, size, false)?),
            Means::HalfBlocks => Protocol::Halfblocks(Halfblocks::new(image, size)?),
        })
    }

    impl PartialEq for Picture {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.drawn, &other.drawn)
        }
    }

    impl fmt::Debug for Picture {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Picture").field("pixels", &self.pixels).finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "images"))]
mod without_images {
    use super::{Canvas, Frame, Rect};

    /// Of which there are none in this build.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Picture {}

    impl Picture {
        /// # Errors
        /// Always: this build shows no pictures.
        pub fn decode(_: &[u8], _: (u16, u16), _: Canvas) -> Result<Self, String> {
            Err("This build shows no images.".to_owned())
        }

        pub fn pixels(&self) -> (u32, u32) {
            match *self {}
        }

        pub fn view(&self, _: &mut Frame, _: Rect) -> bool {
            match *self {}
        }
    }
}

#[cfg(test)]
#[cfg(feature = "images")]
mod tests {
    use std::time::{Duration, Instant};

    use ratatui::{Terminal, backend::TestBackend, style::Color};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let image = image::RgbImage::from_fn(width, height, |x, _| {
            if x < width / 2 { image::Rgb([255, 0, 0]) } else { image::Rgb([0, 0, 255]) }
        });
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    const BLOCKS: Canvas = Canvas { means: Means::HalfBlocks, cell: (1, 2) };

    #[test]
    fn means_are_told_by_the_environment_and_never_asked_for() {
        let of = |variables: &[(&str, &str)], cell| {
            let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, to)| (*to).to_owned());
            Canvas::of(get, cell).means
        };
        let cell = Some((8, 16));
        assert_eq!(of(&[("TERM", "xterm-kitty")], cell), Means::Kitty);
        assert_eq!(of(&[("TERM_PROGRAM", "WezTerm"), ("TERM", "xterm-256color")], cell), Means::Iterm2);
        assert_eq!(of(&[("TERM", "foot")], cell), Means::Sixel);
        assert_eq!(of(&[("TERM", "xterm-256color")], cell), Means::HalfBlocks);
        assert_eq!(of(&[("TERM", "xterm-kitty")], None), Means::HalfBlocks, "without the size of a cell");
        assert_eq!(of(&[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")], cell), Means::HalfBlocks);
    }

    #[test]
    fn half_blocks_show_the_colours_and_keep_the_shape() {
        let picture = Picture::decode(&png(40, 40), (20, 20), BLOCKS).unwrap();
        assert_eq!(picture.pixels(), (40, 40));
        let mut terminal = Terminal::new(TestBackend::new(20, 20)).unwrap();
        terminal.draw(|frame| assert!(picture.view(frame, frame.area()))).unwrap();
        let buffer = terminal.backend().buffer();
        let is = |x: u16, y: u16, colour| buffer[(x, y)].fg == colour || buffer[(x, y)].bg == colour;
        assert!(is(2, 2, Color::Rgb(255, 0, 0)), "{:?}", buffer[(2, 2)]);
        assert!(is(17, 9, Color::Rgb(0, 0, 255)), "{:?}", buffer[(17, 9)]);
        // As wide as the room and half as many rows, since a cell is two pixels high.
        assert_eq!(buffer[(2, 12)].symbol(), " ");
        terminal.draw(|frame| assert!(!picture.view(frame, Rect::new(0, 0, 5, 5)))).unwrap();
    }

    #[test]
    fn each_terminal_gets_its_own_sequences_and_the_sink_knows_them() {
        for (means, introducer) in
            [(Means::Kitty, "\x1b_G"), (Means::Iterm2, "\x1b]1337;File"), (Means::Sixel, "\x1bP")]
        {
            let picture = Picture::decode(&png(32, 32), (8, 4), Canvas { means, cell: (8, 16) }).unwrap();
            let mut terminal = Terminal::new(TestBackend::new(8, 4)).unwrap();
            terminal.draw(|frame| assert!(picture.view(frame, frame.area()))).unwrap();
            let cells = terminal.backend().buffer().content();
            let strange = cells.iter().filter(|cell| cell.symbol().chars().any(char::is_control));
            let strange: Vec<&str> = strange.map(ratatui::buffer::Cell::symbol).collect();
            assert!(strange.iter().any(|symbol| symbol.contains(introducer)), "{means:?}: {strange:?}");
            assert!(strange.iter().all(|symbol| is_picture(symbol)), "{means:?}: {strange:?}");
        }
        for text in ["\x1b]52;c;YQ==\x07", "\x1b[2J", "a\x1b_Gx", "\x1b_G\u{9b}2J"] {
            assert!(!is_picture(text), "{text:?}");
        }
    }

    #[test]
    fn an_image_that_says_it_is_enormous_is_refused_before_it_is_decoded() {
        let mut bomb = png(1, 1);
        // Width and height of the header, and its checksum.
        bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let mut sum = flate2::Crc::new();
        sum.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.sum().to_be_bytes());
        let began = Instant::now();
        let why = Picture::decode(&bomb, (20, 20), BLOCKS).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!(why.contains("65536 × 65536 pixels"), "{why}");
        let mut cut = png(64, 64);
        cut.truncate(60);
        assert_eq!(Picture::decode(&cut, (20, 20), BLOCKS).unwrap_err(), "The image is damaged.");
    }
}
