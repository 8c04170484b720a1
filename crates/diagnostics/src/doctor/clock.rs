//! The clock of this machine against that of the API server, by the date that comes with an answer.

use http::header::DATE;
use http::{Request, Response};
use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::client::Body;

use super::{Check, CheckContext, Finding};
use cluster::clock::duration_text;
use cluster::error::message;

/// Clocks that are further apart are wrong; NTP keeps them within a second.
const APART: SignedDuration = SignedDuration::from_secs(60);
/// `Thu, 26 Nov 2026 03:10:00 GMT`.
static DATES: DateTimeParser = DateTimeParser::new();

pub(super) async fn check(context: &CheckContext) -> Finding {
    let Ok(request) = Request::get("/version").body(Body::empty()) else {
        return unknown("the question cannot be put");
    };
    let before = Timestamp::now();
    match context.client.send(request).await {
        Ok(answer) => judge(before, date(&answer), Timestamp::now()),
        Err(error) => unknown(&message(&error)),
    }
}

fn date<T>(answer: &Response<T>) -> Option<Timestamp> {
    answer.headers().get(DATE).and_then(|date| DATES.parse_timestamp(date.as_bytes()).ok())
}

/// The date is one between question and answer, cut to whole seconds.
fn judge(before: Timestamp, date: Option<Timestamp>, after: Timestamp) -> Finding {
    let Some(date) = date else { return unknown("its answer has no date") };
    let (behind, ahead) = (before.duration_since(date), date.duration_since(after));
    let (apart, word) = if behind > ahead { (behind, "ahead of") } else { (ahead, "behind") };
    if apart <= APART {
        return Check::Clock.good("this machine's clock and the API server's agree");
    }
    let time = duration_text(apart.unsigned_abs());
    Check::Clock.wrong(
        format!("this machine's clock is {time} {word} the API server's"),
        "let NTP set both; if this is not where the controller runs, ask where it does",
    )
}

fn unknown(why: &str) -> Finding {
    Check::Clock.unknown(
        format!("the API server does not say what time it is: {why}"),
        "let yourself GET /version, and look for a proxy in between",
    )
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::equal("Thu, 26 Nov 2026 03:10:00 GMT", State::Good, "agree")]
    #[case::a_minute_behind("Thu, 26 Nov 2026 03:11:02 GMT", State::Good, "agree")]
    #[case::behind("Thu, 26 Nov 2026 03:13:05 GMT", State::Wrong, "is 3 min behind the")]
    #[case::ahead("Thu, 26 Nov 2026 03:08:30 GMT", State::Wrong, "is 90 s ahead of the")]
    #[case::garbled("yesterday", State::Unknown, "no date")]
    fn clocks(#[case] header: &str, #[case] state: State, #[case] words: &str) {
        let answer = Response::builder().header(DATE, header).body(()).expect("an answer");
        let [before, after] = ["2026-11-26T03:10:00Z", "2026-11-26T03:10:02Z"]
            .map(|time| time.parse().expect("a time"));
        let finding = judge(before, date(&answer), after);
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }
}
