//! Tables and colours as text.

use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};

/// A terminal narrower than this gets lines that it breaks itself.
const NARROWEST: usize = 60;

/// What a word means, and so its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// A heading.
    Strong,
    /// As it should be.
    Good,
    /// Under way.
    Busy,
    /// A person must act.
    Bad,
    /// Of lesser weight.
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a meaning.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// The cell outside of a table.
    #[must_use]
    pub fn painted(&self, paint: Paint) -> String {
        paint.paint(&self.text, self.tone)
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Whether there are colours, and how wide lines may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether tones are shown.
    pub colours: bool,
    /// The longest line in columns; `None`: lines are never broken.
    pub width: Option<usize>,
}

impl Paint {
    /// No colours, and lines of any length: for a pipe.
    pub const PLAIN: Self = Self { colours: false, width: None };

    /// What the standard output of this process can show. `NO_COLOR` is respected: <https://no-color.org>.
    #[must_use]
    pub fn of_this_process() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::PLAIN;
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self { colours: !set("NO_COLOR") && !dumb, width: width.filter(|width| *width >= NARROWEST) }
    }

    /// `text` in the colour of `tone`.
    #[must_use]
    pub fn paint(self, text: &str, tone: Tone) -> String {
        if !self.colours || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }

    /// A table with columns as wide as their widest cell. The last column is broken between words where the line would be
    /// longer than the terminal is wide.
    #[must_use]
    pub fn table<const COLUMNS: usize>(self, heading: [&str; COLUMNS], rows: &[[Cell; COLUMNS]]) -> String {
        let heading = heading.map(|title| Cell::new(title, Tone::Strong));
        let all = || std::iter::once(&heading).chain(rows);
        let widths: [usize; COLUMNS] =
            std::array::from_fn(|column| all().map(|row| row[column].text.chars().count()).max().unwrap_or_default());
        let mut table = String::new();
        for row in all() {
            self.row(&mut table, row, &widths);
        }
        table
    }

    fn row(self, table: &mut String, row: &[Cell], widths: &[usize]) {
        let Some((last, before)) = row.split_last() else { return };
        let mut line = String::new();
        let mut column = 0;
        for (cell, width) in before.iter().zip(widths) {
            let gap = width - cell.text.chars().count() + 2;
            line += &self.paint(&cell.text, cell.tone);
            line += &" ".repeat(gap);
            column += width + 2;
        }
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(column).max(20));
        for (number, part) in wrap(&last.text, room).into_iter().enumerate() {
            if number > 0 {
                line = " ".repeat(column);
            }
            line += &self.paint(&part, last.tone);
            table.push_str(line.trim_end());
            table.push('\n');
        }
    }

    /// `text` broken between words to the width, each line after `indent` blanks.
    #[must_use]
    pub fn paragraph(self, text: &str, indent: usize) -> String {
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
        let blank = " ".repeat(indent);
        wrap(text, room).into_iter().fold(String::new(), |all, line| all + &blank + &line + "\n")
    }
}

/// `text` in lines of at most `room` characters, unless a word is longer. There is at least one line.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            lines.push(String::new());
        }
        if line.chars().count() <= room {
            lines.pop();
            lines.push(line.to_owned());
            continue;
        }
        for word in line.split_whitespace() {
            let current = lines.last_mut().expect("there is always a line");
            let length = current.chars().count();
            if length > 0 && length + 1 + word.chars().count() > room {
                lines.push(word.to_owned());
            } else {
                if length > 0 {
                    current.push(' ');
                }
                current.push_str(word);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Paint = Paint { colours: false, width: Some(40) };

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_blanks_at_their_end() {
        let rows = [["a".into(), "one two".into(), "".into()], ["abc".into(), "x".into(), "last".into()]];
        let table = Paint::PLAIN.table(["N", "TEXT", "END"], &rows);
        assert_eq!(table, "N    TEXT     END\na    one two\nabc  x        last\n");
    }

    #[test]
    fn the_last_column_is_broken_between_words_below_itself() {
        let rows = [["part".into(), "a message of many words that is longer than the line".into()]];
        let table = NARROW.table(["PART", "MESSAGE"], &rows);
        assert_eq!(table, "PART  MESSAGE\npart  a message of many words that is\n      longer than the line\n");
        assert!(table.lines().all(|line| line.chars().count() <= 40), "{table}");
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted_and_take_no_room() {
        let rows = [[Cell::new("True", Tone::Good), "x".into()]];
        let plain = Paint::PLAIN.table(["STATE", "M"], &rows);
        let coloured = Paint { colours: true, width: None }.table(["STATE", "M"], &rows);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        assert!(coloured.contains("\u{1b}[32mTrue\u{1b}[0m   x"), "{coloured:?}");
    }

    #[test]
    fn a_word_that_is_longer_than_the_line_stays_whole() {
        assert_eq!(wrap("a arn:aws:iam::123456789012:role/x b", 10), ["a", "arn:aws:iam::123456789012:role/x", "b"]);
    }
}
