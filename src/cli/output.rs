//! What a command says: the only place of the commands that writes to the terminal.
//!
//! On a terminal it is coloured and fits the width; in a pipe it is plain text whose lines are whole.

mod table;

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use serde::Serialize;

pub use table::{Cell, Paint, Tone};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// How an answer is written.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputOptions {
    /// How the answer is written
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub output: Format,
}

/// Why an answer was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The output is closed or full.
    #[error("failed to write the output")]
    Write(#[source] io::Error),
    /// An answer is not JSON.
    #[error("failed to write the answer as JSON")]
    Json(#[from] serde_json::Error),
    /// An answer is not YAML.
    #[error("failed to write the answer as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How they are written.
    pub format: Format,
    /// Colours and width.
    pub paint: Paint,
}

impl Output {
    /// The output of this process in `format`.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, paint: Paint::of_this_process() }
    }

    /// Whether a person reads along.
    #[must_use]
    pub fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Whether a person can answer.
    #[must_use]
    pub fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// `screen` for people, or `value` for programs.
    pub fn answer<T: Serialize>(&self, value: &T, screen: impl FnOnce(Paint) -> String) -> Result<(), Error> {
        match self.format {
            Format::Text => text(&screen(self.paint)),
            format => text(&serialized(value, format)?),
        }
    }

    /// Clears the screen before the next answer, where there is a screen.
    pub fn clear(&self) -> Result<(), Error> {
        if self.format == Format::Text && Self::is_terminal() { text("\u{1b}[H\u{1b}[2J") } else { Ok(()) }
    }
}

/// `value` as JSON or YAML, with a line's end.
pub fn serialized<T: Serialize>(value: &T, format: Format) -> Result<String, Error> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(value)?),
        Format::Text | Format::Yaml => serde_saphyr::to_string(value)?,
    })
}

/// Writes `text` as it is.
pub fn text(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has had enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::Write),
    }
}

/// Says something beside the answer, so that a pipe carries the answer alone.
pub fn note(text: &str) {
    // Nobody is left to be told that this could not be told.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Asks a person at the terminal. Anything but "y" and "yes" is a no.
pub fn confirm(question: &str) -> Result<bool, Error> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(Error::Write)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Error::Write)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
