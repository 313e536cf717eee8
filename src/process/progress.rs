//! One line on a terminal that names what is being checked; nothing in a pipe.

use crate::sync::lock;
use crate::text::clean;
use entra_pg_checks::Topic;
use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// The progress line. A run that ends within its first moments never shows it.
pub(crate) struct Progress(Option<Arc<Mutex<Line>>>);

struct Line {
    under_way: BTreeMap<u64, String>,
    settled: usize,
    next: u64,
    quiet_until: Instant,
    drawn: String,
    over: bool,
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
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Draws on a terminal of this width.
    #[must_use]
    pub(crate) fn on(out: Box<dyn Write + Send>, width: usize) -> Self {
        let quiet_until = Instant::now() + QUIET;
        let line = Arc::new(Mutex::new(Line {
            under_way: BTreeMap::new(),
            settled: 0,
            next: 0,
            quiet_until,
            drawn: String::new(),
            over: false,
            width,
            out,
        }));
        // Where nothing begins and nothing ends for seconds, the line is wanted most.
        let watched = Arc::downgrade(&line);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(PAUSE);
                let Some(line) = watched.upgrade() else { return };
                let mut line = lock(&line);
                if line.over {
                    return;
                }
                line.draw();
            }
        });
        Self(Some(line))
    }

    /// A step begins; the number is for [`Progress::end`].
    pub(crate) fn begin(&self, topic: Topic, subject: &str, label: &str) -> u64 {
        let Some(mut line) = self.line() else {
            return 0;
        };
        line.next += 1;
        let number = line.next;
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

    /// Shows how far a run of many has come; not more often than the eye can follow.
    pub(crate) fn tally(&self, text: &str) {
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
        if let Some(mut line) = self.line() {
            line.over = true;
            line.write("");
        }
    }

    fn line(&self) -> Option<MutexGuard<'_, Line>> {
        Some(lock(self.0.as_ref()?))
    }
}

impl Line {
    fn draw(&mut self) {
        let now = Instant::now();
        if now < self.quiet_until || self.over {
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
        let text = format!("checking {oldest}{more}; {} done", self.settled);
        self.write(&text);
    }

    /// Writes what is new over what is old in one stroke, and nothing where nothing is new: that is
    /// what does not flicker.
    fn write(&mut self, text: &str) {
        let text: String = clean(text).chars().take(self.width.saturating_sub(1)).collect();
        if text == self.drawn {
            return;
        }
        // A failure to show progress does not fail the run.
        let _ = self.out.write_all(format!("\r{text}\x1b[K").as_bytes());
        let _ = self.out.flush();
        self.drawn = text;
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use crate::sync::lock;
    use entra_pg_checks::Topic;
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
        time::Duration,
    };

    /// A terminal of one line, and how often it was drawn on.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<String>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            lock(&self.0).push(text);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn strokes(&self) -> Vec<String> {
            lock(&self.0).clone()
        }
    }

    #[test]
    fn a_run_that_is_over_at_once_shows_nothing() {
        let screen = Screen::default();
        let progress = Progress::on(Box::new(screen.clone()), 80);
        let step = progress.begin(Topic::Dns, "host", "A");
        progress.end(step);
        progress.finish();
        assert_eq!(screen.strokes(), Vec::<String>::new());
    }

    #[test]
    fn a_long_step_is_shown_once_whole_and_gone_when_done() {
        let screen = Screen::default();
        let progress = Progress::on(Box::new(screen.clone()), 60);
        let _step =
            progress.begin(Topic::Server, "pg-prod.postgres.database.azure.com", "tcp\u{1b}");
        for _ in 0..100 {
            if !screen.strokes().is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // Nothing changes, so nothing is drawn again.
        std::thread::sleep(Duration::from_millis(300));
        progress.finish();
        let strokes = screen.strokes();
        assert_eq!(strokes.len(), 2, "{strokes:?}");
        assert!(
            strokes[0].starts_with("\rchecking server pg-prod") && strokes[0].ends_with("\x1b[K"),
            "{strokes:?}"
        );
        assert!(strokes[0].chars().count() <= 60 + 4, "it never wraps: {strokes:?}");
        assert_eq!(strokes[1], "\r\x1b[K", "the line is empty again");
    }
}
