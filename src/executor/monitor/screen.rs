//! The terminal: whose it is, entering and leaving it, its keys.

use super::picture::Picture;
use crate::{
    running,
    sync::global::Mutex,
    sys::{
        exit,
        terminal::{self, SignalKey},
    },
};
use ratatui::{
    Terminal,
    backend::{Backend, CrosstermBackend},
    buffer::{Buffer, Cell},
    crossterm::{
        cursor::{Hide, Show},
        event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
    style::Modifier,
};
use std::{
    env,
    io::{self, BufWriter, IsTerminal, Stderr},
    panic,
    sync::Once,
    time::Duration,
};

/// So many frames are drawn by what is different in them; then one is drawn as a whole, over what others have printed.
const FRAMES: u32 = 4;

/// How long a panic waits for a frame that is being drawn.
const PATIENCE: Duration = Duration::from_millis(200);

/// The view that is shown; there is one terminal. Whoever draws, leaves or prints above it holds the lock.
static SHOWN: Mutex<Option<Shown>> = Mutex::new(None);

struct Shown {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    is_entered: bool,
    frames: u32,
}

/// The right to draw. The terminal is as it was when this is dropped.
pub(super) struct Screen(&'static Mutex<Option<Shown>>);

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see no more of the view.
    Close,
    /// What the terminal does with this key as a rule.
    Signal(SignalKey),
}

impl Screen {
    /// `None` if stderr is no terminal, one that can nothing, or has been claimed.
    pub(super) fn claim() -> Option<Self> {
        let can_draw = io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        if !can_draw {
            return None;
        }
        let mut shown = SHOWN.lock();
        if shown.is_some() {
            return None;
        }
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))).ok()?;
        *shown = Some(Shown {
            terminal,
            is_entered: false,
            frames: 0,
        });
        drop(shown);
        step_aside();
        Some(Self(&SHOWN))
    }

    /// Draws, if the program is in the foreground.
    pub(super) fn draw(&self, picture: &Picture<'_>) -> io::Result<()> {
        let mut shown = self.0.lock();
        let Some(shown) = &mut *shown else { return Ok(()) };
        if !terminal::is_in_foreground() {
            return shown.is_elsewhere();
        }
        shown.enter()?;
        shown.draw(picture)
    }

    /// Back to what the program shows; the next frame comes again.
    pub(super) fn leave(&self) {
        if let Some(shown) = &mut *self.0.lock() {
            shown.leave();
        }
    }

    /// What the user presses within this time, if it means something. An error if keys do not come here, but go to the program or
    /// a shell.
    pub(super) fn wish_within(&self, limit: Duration) -> io::Result<Option<Wish>> {
        if !self.has_keys() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if !event::poll(limit)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            Event::Key(key) => wish(key),
            _ => None,
        })
    }

    fn has_keys(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|shown| shown.is_entered) && terminal::is_in_foreground()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(mut shown) = self.0.lock().take() {
            shown.leave();
        }
    }
}

fn wish(key: KeyEvent) -> Option<Wish> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if with_control => Some(Wish::Signal(SignalKey::Interrupt)),
        KeyCode::Char('z') if with_control => Some(Wish::Signal(SignalKey::Suspend)),
        // A terminal sends the same for Ctrl-4.
        KeyCode::Char('\\' | '4') if with_control => Some(Wish::Signal(SignalKey::Quit)),
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Wish::Close),
        _ => None,
    }
}

impl Shown {
    fn enter(&mut self) -> io::Result<()> {
        if self.is_entered {
            return Ok(());
        }
        enable_raw_mode()?;
        self.is_entered = true;
        execute!(self.terminal.backend_mut(), EnterAlternateScreen, Hide)?;
        self.frames = 0;
        self.terminal.clear()
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            // If the terminal is gone, there is nothing to restore.
            let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen, Show);
            let _ = disable_raw_mode();
        }
    }

    /// Whoever has stopped the program while it was shown, a shell, has put the terminal's modes right. To do it from the
    /// background would stop the program once more.
    fn is_elsewhere(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_entered) {
            execute!(self.terminal.backend_mut(), LeaveAlternateScreen, Show)?;
        }
        Ok(())
    }

    fn draw(&mut self, picture: &Picture<'_>) -> io::Result<()> {
        let frame = self
            .terminal
            .draw(|frame| frame.render_widget(picture, frame.area()))?;
        self.frames += 1;
        if !self.frames.is_multiple_of(FRAMES) {
            return Ok(());
        }
        // Not by clearing it first, which flickers.
        let whole = frame.buffer.clone();
        let mut unlike_any = Cell::new(" ");
        unlike_any.modifier = Modifier::HIDDEN;
        let before = Buffer::filled(whole.area, unlike_any);
        let backend = self.terminal.backend_mut();
        backend.draw(before.diff(&whole).into_iter())?;
        Backend::flush(backend)
    }
}

/// Sees to it that the terminal is left to who needs it more.
fn step_aside() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        step_aside_for_panics();
        exit::at_exit(|| {
            // Taken out, so that no further frame is drawn.
            if let Some(Some(mut shown)) = SHOWN.try_lock_for(PATIENCE).as_deref_mut().map(Option::take) {
                shown.leave();
            }
        });
    });
}

/// What a panic says is for the program's own screen, and the last words of a program above all. The panic of a task is not: it is
/// the task's outcome, and many of them would make the screen flicker.
fn step_aside_for_panics() {
    let programs_own = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Not for ever: it may be this thread that draws. Held until the words are out.
        let mut shown = SHOWN.try_lock_for(PATIENCE);
        if let Some(Some(shown)) = shown.as_deref_mut() {
            if running::is_running() {
                shown.frames = FRAMES - 1;
            } else {
                shown.leave();
            }
        }
        programs_own(info);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_close_it_or_are_the_terminals() {
        let control = |key| wish(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
        let plain = |code| wish(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(control('c'), Some(Wish::Signal(SignalKey::Interrupt)));
        assert_eq!(control('z'), Some(Wish::Signal(SignalKey::Suspend)));
        assert_eq!(control('4'), Some(Wish::Signal(SignalKey::Quit)));
        assert_eq!(control('a'), None);
        assert_eq!(
            [KeyCode::Char('q'), KeyCode::Esc].map(plain),
            [Some(Wish::Close); 2]
        );
        assert_eq!(
            [KeyCode::Char('c'), KeyCode::Enter, KeyCode::Char('4')].map(plain),
            [None; 3]
        );
    }

    #[test]
    fn without_a_terminal_there_is_no_screen() {
        // Those who run tests by hand may have one.
        if !io::stderr().is_terminal() {
            assert!(Screen::claim().is_none());
            assert!(SHOWN.lock().is_none());
        }
    }
}
