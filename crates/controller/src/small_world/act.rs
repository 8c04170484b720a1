//! Acts: what users, admins and the controller can do in a state, and what it makes of it.

use std::time::Instant;

use assessment::Assessment;
use tenancy::keys::{CREATOR, TENANT_LABEL};
use tenancy::metadata::{Field, Metadata};

use super::api_server;
use super::state::{
    Meta, NAMES, NamespaceState, SETTINGS, State, TEAM, TENANTS, TenantState, User, pool,
};
use crate::contention::Contention;
use crate::planner::{Decision, Knowledge, decide, of_failed};

/// What a creator or an editor says of whose the namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Nothing,
    Label(usize),
    /// The annotation, beside what else is there.
    Team(usize),
    /// Labels and annotations are all gone (`kubectl replace`).
    Strip,
}

/// What becomes of the controller's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Written,
    /// Whatever it is, it does not pass.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    Create(usize, User, Word),
    Edit(usize, User, Word),
    /// A user pads it until no more bytes fit in.
    Fill(usize),
    Delete(usize),
    Controller(usize, Answer),
    /// An admin gives a tenant the other pool.
    Pool(usize),
    RemoveTenant(usize),
    /// The tenant's grace is over.
    Bury(usize),
    AddTenant(usize, User),
    Settings(usize),
}

pub(super) fn possible(state: &State) -> Vec<Act> {
    let mut acts = Vec::new();
    for (number, namespace) in state.namespaces.iter().enumerate() {
        match namespace {
            None => {
                let words = [Word::Nothing, Word::Label(0), Word::Label(1), Word::Team(1)];
                for user in [User::Solar, User::Admin] {
                    acts.extend(words.map(|word| Act::Create(number, user, word)));
                }
            }
            Some(namespace) => {
                for user in [User::Solar, User::Lunar, User::Admin] {
                    let words = [Word::Label(0), Word::Label(1), Word::Team(1), Word::Strip];
                    acts.extend(words.map(|word| Act::Edit(number, user, word)));
                }
                acts.extend([Act::Controller(number, Answer::Written), Act::Delete(number)]);
                acts.push(Act::Controller(number, Answer::Refused));
                if !namespace.full {
                    acts.push(Act::Fill(number));
                }
            }
        }
    }
    for number in 0..TENANTS.len() {
        if state.tenants[number].is_some() {
            acts.extend([Act::Pool(number), Act::RemoveTenant(number)]);
        } else {
            acts.extend([User::Solar, User::Lunar].map(|owner| Act::AddTenant(number, owner)));
            acts.push(Act::Bury(number));
        }
    }
    acts.extend((0..SETTINGS).filter(|one| *one != state.settings).map(Act::Settings));
    acts
}

impl Act {
    pub(super) fn play(self, state: &State) -> State {
        let mut next = state.clone();
        match self {
            Self::Create(number, user, word) => create(&mut next, number, user, word),
            Self::Edit(number, user, word) => edit(&mut next, number, user, word),
            Self::Fill(number) => fill(&mut next, number),
            Self::Delete(number) => next.namespaces[number] = None,
            Self::Controller(number, answer) => look(&mut next, number, answer),
            Self::Pool(number) => {
                if let Some(tenant) = &mut next.tenants[number] {
                    tenant.pool = 1 - tenant.pool;
                }
            }
            Self::RemoveTenant(number) => next.tenants[number] = None,
            Self::Bury(number) => next.gone[number] = true,
            Self::AddTenant(number, owner) => {
                next.tenants[number] = Some(TenantState { pool: 0, owner });
                next.gone[number] = false;
            }
            Self::Settings(settings) => next.settings = settings,
        }
        for number in 0..next.namespaces.len() {
            check_trust(self, state, &mut next, number);
        }
        next
    }
}

fn say(metadata: &mut Metadata, word: Word) {
    match word {
        Word::Nothing => {}
        Word::Label(tenant) => {
            metadata.labels.insert(TENANT_LABEL.to_owned(), TENANTS[tenant].to_owned());
        }
        Word::Team(tenant) => {
            metadata.annotations.insert(TEAM.to_owned(), TENANTS[tenant].to_owned());
        }
        Word::Strip => *metadata = Metadata::default(),
    }
}

fn create(next: &mut State, number: usize, user: User, word: Word) {
    let mut sent = Metadata::default();
    if word == Word::Team(1) {
        // The plot: it means nothing yet.
        say(&mut sent, Word::Label(0));
    }
    say(&mut sent, word);
    if let Some(stored) = api_server::create(next, number, user, sent) {
        next.namespaces[number] = Some(NamespaceState {
            metadata: Meta::from_metadata(&stored),
            full: false,
            creator: user,
            entitled: [].into(),
            freed: false,
            moved: false,
        });
        entitle(next, number, user, None, &[]);
    }
}

fn edit(next: &mut State, number: usize, user: User, word: Word) {
    let Some(namespace) = next.namespaces[number].clone() else { return };
    let old = namespace.metadata.metadata();
    let mut sent = old.clone();
    say(&mut sent, word);
    let before = claimed(next, number);
    let Some(stored) = api_server::update(next, number, user, &old, sent) else { return };
    let grows = bytes(&stored) > bytes(&old);
    if namespace.full && grows {
        return;
    }
    let is_full = namespace.full && bytes(&stored) == bytes(&old);
    // A limit of the guard without the webhook: an admin who replaces a namespace without its
    // annotations takes the creator's place (docs/guard.md).
    let is_stamped = |metadata: &Metadata| metadata.annotations.contains_key(CREATOR);
    let taken = user == User::Admin && is_stamped(&old) && !is_stamped(&stored);
    let creator = if taken { User::Admin } else { namespace.creator };
    let metadata = Meta::from_metadata(&stored);
    next.namespaces[number] =
        Some(NamespaceState { metadata, full: is_full, creator, ..namespace });
    let written = api_server::changed_evidence(next, &old, &stored);
    entitle(next, number, user, Some(before), &written);
}

fn bytes(metadata: &Metadata) -> usize {
    let size = |(key, value): (&String, &String)| key.len() + value.len();
    metadata.labels.iter().map(size).sum::<usize>()
        + metadata.annotations.iter().map(size).sum::<usize>()
}

/// The webhook's or the guard's bound refuses this where there is one; the worst is that there is
/// none.
fn fill(next: &mut State, number: usize) {
    if let Some(namespace) = &mut next.namespaces[number] {
        namespace.full = true;
    }
}

fn assess(state: &State, number: usize) -> Option<Assessment> {
    state.store().assess(NAMES[number])
}

/// Which tenant the rules find.
fn claimed(state: &State, number: usize) -> Option<usize> {
    let tenant = assess(state, number)?.tenant?;
    TENANTS.iter().position(|name| *name == tenant)
}

/// A request that changed whose the namespace is, by a user who may ask for it, is on record; so is
/// what an admin wrote, also where the rules of now do not find it.
fn entitle(
    next: &mut State,
    number: usize,
    user: User,
    before: Option<Option<usize>>,
    written: &[Option<String>],
) {
    let after = claimed(next, number);
    let is_admin = user == User::Admin;
    let owns =
        |tenant: usize| next.tenants[tenant].as_ref().is_some_and(|tenant| tenant.owner == user);
    let asked = after.filter(|tenant| before != Some(Some(*tenant)));
    let entitled: Vec<usize> = (0..TENANTS.len())
        .filter(|tenant| {
            let is_written = written.iter().flatten().any(|name| name == TENANTS[*tenant]);
            is_admin && is_written || asked == Some(*tenant) && (is_admin || owns(*tenant))
        })
        .collect();
    // Also where the rules of now find a tenant in the name: the admin took away what said so.
    let is_emptied = !written.is_empty() && written.iter().all(Option::is_none);
    let frees = is_admin && (after.is_none() || is_emptied);
    if let Some(namespace) = &mut next.namespaces[number] {
        namespace.freed = frees || namespace.freed && entitled.is_empty();
        namespace.entitled.extend(entitled);
    }
}

/// The controller looks at the namespace, and writes what it decides.
fn look(next: &mut State, number: usize, answer: Answer) {
    let store = next.store();
    let contention = Contention::default();
    let known = Knowledge { store: &store, contention: &contention, now: Instant::now() };
    if let Decision::Write(write) = decide(known, NAMES[number]).decision
        && !apply(next, number, &write.request.changes, answer)
        && let Some(held) = store.namespace(NAMES[number])
        && let Some(withdrawal) = of_failed(store.settings(), held, &write)
    {
        apply(next, number, &withdrawal.changes, answer);
    }
    check_placement(next, number, answer);
}

/// Whether it was stored.
fn apply(
    next: &mut State,
    number: usize,
    changes: &[(tenancy::metadata::Key, Option<String>)],
    answer: Answer,
) -> bool {
    let Some(namespace) = &mut next.namespaces[number] else { return false };
    let before = namespace.metadata.metadata();
    let mut after = before.clone();
    for (key, value) in changes {
        let map = match key.field {
            Field::Label => &mut after.labels,
            Field::Annotation => &mut after.annotations,
        };
        match value {
            Some(value) => map.insert(key.name.clone(), value.clone()),
            None => map.remove(&key.name),
        };
    }
    let passes = answer == Answer::Written && (!namespace.full || bytes(&after) <= bytes(&before));
    if passes {
        namespace.full &= bytes(&after) == bytes(&before);
        namespace.metadata = Meta::from_metadata(&after);
    }
    passes
}

/// Law 7.
fn check_placement(next: &mut State, number: usize, answer: Answer) {
    if answer == Answer::Refused || !next.is_ready(number) {
        return;
    }
    let Some(tenant) = next.recorded(number) else { return };
    let Some(of_tenant) = &next.tenants[tenant] else { return };
    let wanted = format!("pool={}", pool(tenant, of_tenant.pool));
    let found = next.selector(number);
    if found.as_ref() != Some(&wanted) {
        next.broken =
            Some(format!("law 7: {} is ready with {found:?}, wanted {wanted}", NAMES[number]));
    }
}

/// Law 8.
fn check_trust(act: Act, before: &State, next: &mut State, number: usize) {
    let Some(namespace) = &next.namespaces[number] else { return };
    let (was, is) = (before.recorded(number), next.recorded(number));
    let creator = namespace.creator;
    let may = |tenant: usize| {
        creator == User::Admin
            || namespace.entitled.contains(&tenant)
            || next.tenants[tenant].as_ref().is_some_and(|tenant| tenant.owner == creator)
    };
    let freed = next.is_unclaimed(number)
        && !before.is_unclaimed(number)
        && creator != User::Admin
        && !namespace.freed;
    let taken = is.filter(|tenant| Some(*tenant) != was && !may(*tenant));
    let name = NAMES[number];
    if freed {
        next.broken = Some(format!("law 8: {act:?} makes {name} nobody's"));
    } else if let Some(tenant) = taken {
        next.broken = Some(format!("law 8: {act:?} records {name} for {}", TENANTS[tenant]));
    }
    let moved = was.is_some() && is.is_some() && was != is;
    if let Some(namespace) = &mut next.namespaces[number] {
        namespace.moved |= moved;
    }
}
