//! One line on a terminal that says what is being looked at now; nothing of it in a pipe.

use entra_pg_checks::Topic;
use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The progress line. A run that ends within its first moments never shows it.
pub struct Progress(Option<Mutex<Line>>);

struct Line {
    under_way: BTreeMap<u64, String>,
    settled: usize,
    next: u64,
    quiet_until: Instant,
    shown: bool,
    width: usize,
    out: Box<dyn Write + Send>,
}

/// Runs that are over sooner show no progress.
const QUIET: Duration = Duration::from_millis(250);
/// Redrawing more often than this flickers.
const PAUSE: Duration = Duration::from_millis(80);

impl Progress {
    /// Shows nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Draws on a terminal of this width.
    #[must_use]
    pub fn on(out: Box<dyn Write + Send>, width: usize) -> Self {
        let quiet_until = Instant::now() + QUIET;
        Self(Some(Mutex::new(Line {
            under_way: BTreeMap::new(),
            settled: 0,
            next: 0,
            quiet_until,
            shown: false,
            width,
            out,
        })))
    }

    /// A step begins; the number is for [`Progress::end`].
    pub(crate) fn begin(&self, topic: Topic, subject: &str, label: &str) -> u64 {
        let Some(mut line) = self.line() else {
            return 0;
        };
        line.next += 1;
        let number = line.next;
        let subject: String = subject.chars().filter(|character| !character.is_control()).collect();
        line.under_way.insert(number, format!("{} {subject} {label}", topic.name()));
        line.draw();
        number
    }

    /// A step ended.
    pub(crate) fn end(&self, number: u64) {
        let Some(mut line) = self.line() else { return };
        line.under_way.remove(&number);
        line.settled += 1;
        line.draw();
    }

    /// Shows a remark in place of what is under way, until the next step begins.
    pub fn remark(&self, text: &str) {
        if let Some(mut line) = self.line() {
            line.write(text);
        }
    }

    /// Shows how far a run of many has come; not more often than the eye can follow.
    pub fn tally(&self, text: &str) {
        if let Some(mut line) = self.line() {
            let now = Instant::now();
            if now >= line.quiet_until {
                line.quiet_until = now + PAUSE;
                line.write(text);
            }
        }
    }

    /// Removes the line.
    pub(crate) fn finish(&self) {
        if let Some(mut line) = self.line()
            && line.shown
        {
            line.shown = false;
            let _ = line.out.write_all(b"\r\x1b[K");
            let _ = line.out.flush();
        }
    }

    fn line(&self) -> Option<MutexGuard<'_, Line>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Line {
    fn draw(&mut self) {
        let now = Instant::now();
        if now < self.quiet_until {
            return;
        }
        self.quiet_until = now + PAUSE;
        let Some(oldest) = self.under_way.values().next() else {
            return;
        };
        let more = match self.under_way.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let text = format!("looking at {oldest}{more}; {} settled", self.settled);
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        let text: String = text.chars().take(self.width.saturating_sub(1)).collect();
        self.shown = true;
        // Progress that cannot be shown is no reason to fail.
        let _ = write!(self.out, "\r\x1b[K{text}");
        let _ = self.out.flush();
    }
}
