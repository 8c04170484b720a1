//! `stable [SECONDS] [TARGET…]`: fuzzing without nightly and without coverage, two targets at a
//! time. Inputs are the seeds, cut, spliced and flipped by a pseudo-random sequence, another one
//! each time unless FUZZ_SEED is set, and bytes of any kind for the target that makes choices of
//! them; a finding is the input that panics. `stable --seeds FOLDER` writes the seeds down, where
//! libFuzzer begins with them.

use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use landlord_fuzz::{TARGETS, Target};

/// How many targets run at a time.
const AT_A_TIME: usize = 2;
/// The target whose input is no text, and how long its inputs are.
const CHOOSING: &str = "policy";
const CHOICES: usize = 1024;
/// Longest input in bytes.
const MAX_BYTES: usize = 4096;
/// Tokens that grammars care about.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "0",
    "-1",
    "1e999",
    "{{",
    "}}",
    "tenant.name",
    "namespace",
    "$",
    "..",
    "[?(",
    "@",
    "=",
    "\\u0000",
    "é",
    "/",
    "*",
];

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--seeds").is_some() {
        return write_seeds(Path::new(&arguments.next().expect("a folder")));
    }
    let seconds = arguments.next().map_or(60, |text| text.parse().expect("seconds as a number"));
    let wanted: Vec<String> = arguments.collect();
    let known = |wanted: &&String| TARGETS.iter().all(|(name, ..)| name != wanted);
    if let Some(unknown) = wanted.iter().find(known) {
        eprintln!("no target {unknown:?}: there are {}", TARGETS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "));
        std::process::exit(2);
    }
    let targets: Vec<&Target> =
        TARGETS.iter().filter(|(name, ..)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)).collect();
    let seed = std::env::var("FUZZ_SEED").ok().map_or_else(now, |text| text.parse().expect("FUZZ_SEED is a number"));
    println!("FUZZ_SEED={seed}");
    let (next, findings) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            findings.fetch_add(usize::from(!fuzz(target, seed, Duration::from_secs(seconds))), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| (0..AT_A_TIME).for_each(|_| drop(scope.spawn(work))));
    std::process::exit(i32::from(findings.into_inner() > 0));
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_millis() as u64)
}

/// One file a seed, in a folder a target; those that are choices are none.
fn write_seeds(folder: &Path) {
    for (name, _, seeds) in TARGETS.iter().filter(|(name, ..)| *name != CHOOSING) {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a file");
        }
    }
}

/// Runs one target; false where there is a finding.
fn fuzz((name, body, seeds): &Target, seed: u64, time: Duration) -> bool {
    // No shift leaves zero.
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let began = Instant::now();
    let mut runs = 0u64;
    let mut input = Vec::new();
    while began.elapsed() < time {
        for _ in 0..100 {
            match *name == CHOOSING && runs.is_multiple_of(2) {
                true => input = (0..CHOICES).map(|_| random.below(256) as u8).collect(),
                false => mutate(&mut input, seeds, &mut random),
            }
            runs += 1;
            if catch_unwind(|| body(&input)).is_err() {
                println!("{name}: FINDING after {runs} runs: {:?}", String::from_utf8_lossy(&input));
                return false;
            }
        }
    }
    println!("{name}: {runs} runs, no finding");
    true
}

/// Begins anew from a seed now and then, else goes on with the last input.
fn mutate(input: &mut Vec<u8>, seeds: &[&str], random: &mut Random) {
    if input.is_empty() || input.len() > MAX_BYTES || random.below(8) == 0 {
        *input = random.pick(seeds).as_bytes().to_vec();
    }
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        match random.below(5) {
            0 => drop(input.splice(at..at, random.pick(TOKENS).bytes())),
            1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 if at < input.len() => drop(input.drain(at..(at + 1 + random.below(8)).min(input.len()))),
            3 => {
                let other = random.pick(seeds).as_bytes();
                let from = random.below(other.len() + 1);
                input.splice(at..at, other[from..(from + random.below(32)).min(other.len())].iter().copied());
            }
            _ if at < input.len() => {
                let to = (at + 1 + random.below(16)).min(input.len());
                let copy = input[at..to].to_vec();
                input.splice(at..at, copy);
            }
            _ => {}
        }
    }
}

/// xorshift64*: small, fast, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}
