use super::*;
use proptest::prelude::*;

fn course(command: &Command) -> (Course, Instant) {
    let start = Instant::now();
    (Course::new(command, start), start)
}

fn nothing() -> Sight {
    Sight {
        drained: true,
        ..Sight::default()
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn command() -> Command {
    Command::new("program")
}

#[test]
fn without_limits_one_waits() {
    let (mut course, start) = course(&command());
    assert_eq!(course.next(start + SECOND, nothing()), Next::Wait(None));
    assert_eq!(course.reason(), None);
}

#[test]
fn at_its_limit_it_is_killed_once() {
    let (mut course, start) = course(&command().timeout(SECOND));
    assert_eq!(course.next(start, nothing()), Next::Wait(Some(start + SECOND)));
    assert_eq!(course.next(start + SECOND, nothing()), Next::Kill);
    assert_eq!(course.next(start + SECOND, nothing()), Next::Wait(None));
    let ended = Sight {
        ended: true,
        ..nothing()
    };
    assert_eq!(course.next(start + SECOND, ended), Next::Over);
    assert_eq!(course.reason(), Some(Reason::TimeLimit(SECOND)));
}

#[test]
fn with_grace_it_is_asked_first() {
    let (mut course, start) = course(&command().grace(SECOND));
    let requested = Sight {
        requested: true,
        ..nothing()
    };
    assert_eq!(course.next(start, requested), Next::Terminate);
    assert_eq!(course.next(start, requested), Next::Wait(Some(start + SECOND)));
    assert_eq!(course.next(start + SECOND, requested), Next::Kill);
    assert_eq!(course.reason(), Some(Reason::Requested));
}

#[test]
fn a_time_that_the_clock_cannot_express_never_comes() {
    let (mut course, start) = course(&command().timeout(Duration::MAX).grace(Duration::MAX));
    assert_eq!(course.next(start + SECOND, nothing()), Next::Wait(None));
    let over = Sight {
        over: Some(Stream::Stderr),
        ..nothing()
    };
    assert_eq!(course.next(start, over), Next::Terminate);
    assert_eq!(course.next(start + SECOND, over), Next::Wait(None));
    assert_eq!(course.reason(), Some(Reason::TooMuch(Stream::Stderr)));
}

#[test]
fn after_the_end_reading_goes_on_for_a_moment_of_silence_and_not_for_ever() {
    let ended = Sight {
        ended: true,
        ..nothing()
    };
    let heard = Sight {
        heard: true,
        drained: false,
        ..ended
    };
    let (mut quiet, start) = course(&command());
    assert_eq!(quiet.next(start, ended), Next::Wait(Some(start + SILENCE)));
    assert_eq!(quiet.next(start + SILENCE, ended), Next::Over);

    let (mut chatty, start) = course(&command());
    let mut now = start;
    while let Next::Wait(Some(until)) = chatty.next(now, heard) {
        assert!(until > now);
        now += SILENCE / 2;
    }
    assert_eq!(now, start + MOST_AFTER_THE_END);
    assert_eq!(chatty.reason(), None);
    assert_eq!(chatty.time(), Duration::ZERO);

    let (mut closed, start) = course(&command());
    assert_eq!(
        closed.next(
            start,
            Sight {
                closed: true,
                ..ended
            }
        ),
        Next::Over
    );
}

#[test]
fn what_stops_it_after_its_own_end_ends_only_the_reading() {
    let ended = Sight {
        ended: true,
        ..nothing()
    };
    let requested = Sight {
        requested: true,
        ..ended
    };
    let (mut stopped, start) = course(&command());
    // Its own last words are read first.
    let more = Sight {
        drained: false,
        ..requested
    };
    assert!(matches!(stopped.next(start, more), Next::Wait(_)));
    assert_eq!(stopped.next(start, requested), Next::Over);
    assert_eq!(stopped.reason(), None);
    let (mut late, start) = course(&command().timeout(SECOND));
    assert_eq!(late.next(start + SECOND, ended), Next::Over);
    assert_eq!(late.reason(), None);
}

fn sights() -> impl Strategy<Value = Vec<(u64, Sight)>> {
    let sight = (any::<[bool; 5]>(), 0..400_u64);
    prop::collection::vec(sight, 1..60).prop_map(|sights| {
        let (mut ended, mut over) = (false, false);
        let keep = |([now_ended, drained, heard, now_over, requested], pause): ([bool; 5], u64)| {
            ended |= now_ended && pause > 300;
            over |= now_over && pause < 50;
            let over = over.then_some(Stream::Stdout);
            let sight = Sight {
                ended,
                closed: false,
                drained,
                heard,
                over,
                requested,
            };
            (pause, sight)
        };
        sights.into_iter().map(keep).collect()
    })
}

proptest! {
    /// Whatever there is to see: it is asked before it is killed, each at most once, the reason stays, and it is over within
    /// its time after the end.
    #[test]
    fn it_is_stopped_once_and_comes_to_an_end(
        sights in sights(),
        limit in prop::option::of(0..3000_u64),
        grace in 0..500_u64,
    ) {
        let mut command = command().grace(Duration::from_millis(grace));
        command.timeout = limit.map(Duration::from_millis);
        let (mut course, start) = course(&command);
        let (mut now, mut ended_at, mut reason) = (start, None, None);
        let (mut asked, mut killed) = (0, 0);
        for (pause, sight) in sights {
            now += Duration::from_millis(pause);
            if sight.ended {
                ended_at.get_or_insert(now);
            }
            match course.next(now, sight) {
                Next::Terminate => asked += 1,
                Next::Kill => killed += 1,
                Next::Wait(until) => {
                    if let Some(ended_at) = ended_at {
                        prop_assert!(until.is_some_and(|until| until <= ended_at + MOST_AFTER_THE_END));
                        prop_assert!(now < ended_at + MOST_AFTER_THE_END);
                    }
                }
                Next::Over => {
                    prop_assert!(sight.ended);
                    break;
                }
            }
            if reason.is_some() {
                prop_assert_eq!(course.reason(), reason);
            }
            reason = course.reason();
            prop_assert!(asked <= u32::from(grace > 0) && killed <= 1);
            prop_assert!(killed == 0 || reason.is_some());
            prop_assert!(killed == 0 || grace == 0 || asked == 1);
        }
    }
}
