#!/usr/bin/env bats
# The fixtures through a real runner: `make e2e-tests` (KWCTL= chooses it; any that takes kwctl's flags will do).
#
# A case NAME has requests/NAME.json, expected/NAME.json (why, settings, the decoded response) and, where the policy reads a
# tenant, sessions/NAME.yml. tests/it/ runs the same cases natively and through the compiled policy.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME" || exit 1
  KWCTL=${KWCTL:-../target/debug/policy-host}
  POLICY=${POLICY:-../annotated-policy.wasm}
}

teardown() {
  [ -z "${REGISTRY:-}" ] || kill "$REGISTRY"
}

# start_registry: a real one on loopback; $ADDRESS is its, $SOURCES says that it speaks plain HTTP. teardown ends it.
start_registry() {
  local binary; binary=$(../scripts/install-tools registry)
  echo 'version: 0.1
storage: {inmemory: {}}
http: {addr: "127.0.0.1:0"}' >"$BATS_TEST_TMPDIR/registry.yml"
  OTEL_TRACES_EXPORTER=none "$binary" serve "$BATS_TEST_TMPDIR/registry.yml" >"$BATS_TEST_TMPDIR/registry.log" 2>&1 3>&- &
  REGISTRY=$!
  until ADDRESS=$(grep -o 'listening on 127.0.0.1:[0-9]*' "$BATS_TEST_TMPDIR/registry.log"); do kill -0 "$REGISTRY"; sleep 0.1; done
  ADDRESS=${ADDRESS#listening on }
  SOURCES=$BATS_TEST_TMPDIR/sources.yml
  echo "insecure_sources: [\"$ADDRESS\"]" >"$SOURCES"
  # Nobody's own credentials, and for kwctl a store of its own.
  export DOCKER_CONFIG=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR NO_PROXY=127.0.0.1
}

# run_case NAME: prints the response with its patch decoded, keys sorted, nothing that is absent.
run_case() {
  local settings args=()
  settings=$(jq -r .settings "expected/$1.json")
  [ -e "sessions/$1.yml" ] && args+=(--replay-host-capabilities-interactions "sessions/$1.yml")
  "$KWCTL" run --allow-context-aware "${args[@]}" --request-path "requests/$1.json" --settings-path "settings/$settings.json" ${SOURCES:+--sources-path "$SOURCES"} "$POLICY" |
    jq -S "$NORMAL"
}

NORMAL='del(.uid, .patchType)
  | if .patch then .patch |= (@base64d | fromjson | sort_by(.path)) else . end
  | del(.. | nulls)'

check() {
  diff <(jq -S .response "expected/$1.json") <(run_case "$1")
}

@test "create-with-tenant-label: the tenant's metadata is written into the request" { check create-with-tenant-label; }
@test "create-with-cached-lookup: tenantLookup cached lets the host answer from its cache" { check create-with-cached-lookup; }
@test "create-claimed-by-group: a group of the requester names the tenant, and the claim is recorded as the label" { check create-claimed-by-group; }
@test "create-claimed-by-two-groups: two groups name two tenants: 403 that names both" { check create-claimed-by-two-groups; }
@test "create-claimed-by-name-prefix: the name begins with a prefix that the tenant lists" { check create-claimed-by-name-prefix; }
@test "create-with-unlisted-name-prefix: the tenant exists but lists no prefix of the name: not a claim" { check create-with-unlisted-name-prefix; }
@test "create-with-foreign-tenant-label: a forged tenant label does not open a foreign pool" { check create-with-foreign-tenant-label; }
@test "create-by-admin: admins may claim any tenant, and the metadata is injected all the same" { check create-by-admin; }
@test "create-by-controller: the controller's dry-run probe is answered with a ledger" { check create-by-controller; }
@test "create-with-forged-ledger: landlord's own annotations in the request count for nothing" { check create-with-forged-ledger; }
@test "create-with-generate-name: keys that need the name are left to the controller" { check create-with-generate-name; }
@test "create-unclaimed-rejected: no rule claims the namespace, and the settings want a claim" { check create-unclaimed-rejected; }
@test "create-unclaimed-by-admin: admins may create namespaces outside tenancy" { check create-unclaimed-by-admin; }
@test "create-unclaimed-allowed: no rule claims the namespace: accepted as it is" { check create-unclaimed-allowed; }
@test "create-unclaimed-marked: with guard scope all, landlord says that it has looked" { check create-unclaimed-marked; }
@test "create-with-excluded-name: excluded names would be a way out of the pool" { check create-with-excluded-name; }
@test "create-with-excluded-name-by-admin: excluded namespaces are never looked at" { check create-with-excluded-name-by-admin; }
@test "create-conflict-overridden: override: the tenant's values win" { check create-conflict-overridden; }
@test "create-conflict-kept: keep: the namespace's values stay, with a warning each" { check create-conflict-kept; }
@test "create-conflict-rejected: reject: 409 with every clash in one message" { check create-conflict-rejected; }
@test "create-conflict-placement-never-kept: keep does not hold for the node selector" { check create-conflict-placement-never-kept; }
@test "create-with-unknown-tenant-rejected: the claim names no tenant" { check create-with-unknown-tenant-rejected; }
@test "create-with-unknown-tenant-allowed: the same, accepted with a warning" { check create-with-unknown-tenant-allowed; }
@test "create-with-lookup-error-rejected: the tenant cannot be read: 503" { check create-with-lookup-error-rejected; }
@test "create-with-lookup-error-allowed: the same, accepted with a warning; what only admission knows is recorded" { check create-with-lookup-error-allowed; }
@test "create-with-kind-not-installed: a missing kind is a lookup error, not a missing tenant" { check create-with-kind-not-installed; }
@test "create-with-broken-tenant: a tenant that cannot be used is a lookup error that names the field" { check create-with-broken-tenant; }
@test "create-with-rendered-value-too-long: a templated label value over 63 characters names tenant, key and length" { check create-with-rendered-value-too-long; }
@test "create-with-inline-tenant: inline tenants need no host call" { check create-with-inline-tenant; }
@test "create-by-controller-with-hooks: a probe of the controller gets its ledger whatever hooks require" { check create-by-controller-with-hooks; }
@test "create-with-hooks: hooks set a node selector and an annotation from the tenant's data, remove a label, and warn" { check create-with-hooks; }
@test "create-with-hooks-rejected: every requirement that does not hold is in one message" { check create-with-hooks-rejected; }
@test "create-for-capsule-tenant: an owner reference claims for a Capsule tenant; Capsule's forced labels are written" { check create-for-capsule-tenant; }
@test "create-against-capsule-rules: what Capsule's webhook would deny is in one message" { check create-against-capsule-rules; }
@test "update-repairs-half-of-capsule-rules: an edit that takes away one of two forbidden labels is let through, with a warning about the other" { check update-repairs-half-of-capsule-rules; }
@test "update-moves-value-against-capsule-rules: a denied value under another key is this edit's fault" { check update-moves-value-against-capsule-rules; }
@test "create-for-rancher-project: the annotation names namespace and project; the claim is recorded with an underscore" { check create-for-rancher-project; }
@test "update-compliant: an unrelated edit of a compliant namespace passes unchanged" { check update-compliant; }
@test "update-tampers-with-ledger: a changed ledger is put back" { check update-tampers-with-ledger; }
@test "update-tampers-with-node-selector: a managed key gets its value back, no matter who changed it" { check update-tampers-with-node-selector; }
@test "update-removes-node-selector: and when it was removed" { check update-removes-node-selector; }
@test "update-changes-tenant-label: only who owns both tenants moves a namespace" { check update-changes-tenant-label; }
@test "update-pushes-namespace-to-foreign-tenant: an owner of the old tenant may not push it into a foreign one" { check update-pushes-namespace-to-foreign-tenant; }
@test "update-moves-namespace-by-admin: an admin moves it: the old tenant's keys go, the new tenant's come" { check update-moves-namespace-by-admin; }
@test "update-without-tenant-label: a label that is merely absent is put back with a warning" { check update-without-tenant-label; }
@test "update-replaced-by-admin: an admin's replace is put back as anybody's, with a warning for each key" { check update-replaced-by-admin; }
@test "update-leaves-tenant-by-empty-label: an empty label takes a namespace out of its tenant" { check update-leaves-tenant-by-empty-label; }
@test "update-adds-foreign-claim: an unclaimed namespace may not be claimed for a foreign tenant" { check update-adds-foreign-claim; }
@test "update-adds-own-claim: an owner claims an existing namespace" { check update-adds-own-claim; }
@test "update-of-unadopted-namespace: a label that slipped in while no webhook was asked is not adopted by a stranger's edit" { check update-of-unadopted-namespace; }
@test "update-status-subresource: metadata can be changed through the status too" { check update-status-subresource; }
@test "update-terminating: a terminating namespace passes unchanged" { check update-terminating; }
@test "update-by-controller: the controller's writes pass untouched" { check update-by-controller; }
@test "update-by-garbage-collector: the garbage collector takes the owner reference to a deleted tenant away, and sees what it wrote" { check update-by-garbage-collector; }
@test "update-release-with-restore: an admin empties the label: managed keys go, and what they had replaced comes back" { check update-release-with-restore; }
@test "update-keeps-unknown-fields: fields that no type knows are kept byte for byte" { check update-keeps-unknown-fields; }
@test "update-with-lookup-error: a tenant that cannot be read blocks no unrelated edit, and managed keys stay" { check update-with-lookup-error; }
@test "update-with-deleted-tenant: nor does a tenant that is gone" { check update-with-deleted-tenant; }
@test "update-moves-to-unreadable-tenant: a move is never taken on trust" { check update-moves-to-unreadable-tenant; }
@test "update-with-old-clash: an old clash is a warning" { check update-with-old-clash; }
@test "update-with-new-clash: a new one is 409" { check update-with-new-clash; }
@test "pod-without-selector: a Pod gets its namespace's node selector; fields that no type knows stay" { check pod-without-selector; }
@test "pod-with-more-selector: keys of its own stay, keys that it lacks come" { check pod-with-more-selector; }
@test "pod-with-the-selector: a Pod that carries everything passes unchanged" { check pod-with-the-selector; }
@test "pod-with-clash: another value for a key of the namespace: 403 in the words of the plugin, with every clash" { check pod-with-clash; }
@test "pod-without-tolerations: a Pod gets its namespace's tolerations" { check pod-without-tolerations; }
@test "pod-with-tolerations: tolerations that it lacks are added to its own; an absent operator means Equal" { check pod-with-tolerations; }
@test "pod-of-daemon-set: a DaemonSet's Pod is placed like any other" { check pod-of-daemon-set; }
@test "pod-of-daemon-set-left-out: daemonSets false: what the DaemonSet controller creates passes unchanged, and nothing is asked" { check pod-of-daemon-set-left-out; }
@test "pod-with-forged-daemon-set: an owner reference is anybody's to write: such a Pod is placed" { check pod-with-forged-daemon-set; }
@test "pod-in-namespace-without-selector: a namespace that says nothing changes nothing" { check pod-in-namespace-without-selector; }
@test "pod-in-namespace-with-empty-selector: nor does one with the empty selector" { check pod-in-namespace-with-empty-selector; }
@test "pod-in-foreign-namespace: what the annotation of a namespace without a tenant says counts as with the plugin" { check pod-in-foreign-namespace; }
@test "pod-in-namespace-without-ledger: a claimed namespace that landlord has not written yet: 403" { check pod-in-namespace-without-ledger; }
@test "pod-in-pending-namespace: nor is one ready whose ledger is pending" { check pod-in-pending-namespace; }
@test "pod-in-namespace-without-its-selector: nor one that lost the selector which its ledger lists" { check pod-in-namespace-without-its-selector; }
@test "pod-in-unseen-namespace: with guard scope all, nor one that landlord has not looked at" { check pod-in-unseen-namespace; }
@test "pod-in-unclaimed-namespace: with guard scope all, one that landlord has looked at is" { check pod-in-unclaimed-namespace; }
@test "pod-in-excluded-namespace: excluded namespaces are never looked at" { check pod-in-excluded-namespace; }
@test "pod-in-namespace-with-broken-selector: an annotation that is no selector: 403 that says what to fix" { check pod-in-namespace-with-broken-selector; }
@test "pod-in-namespace-with-broken-tolerations: an annotation of the ledger that is no list of tolerations: 403 as well" { check pod-in-namespace-with-broken-tolerations; }
@test "pod-in-namespace-with-foreign-tolerations: tolerations open nodes: those that the ledger does not list are not handed out" { check pod-in-namespace-with-foreign-tolerations; }
@test "pod-with-lookup-error-rejected: the namespace cannot be read: 503" { check pod-with-lookup-error-rejected; }
@test "pod-with-lookup-error-allowed: the same, accepted with a warning" { check pod-with-lookup-error-allowed; }
@test "pod-in-missing-namespace: a namespace that is not there cannot be read either" { check pod-in-missing-namespace; }
@test "pod-held: with pods.onUnready hold, a Pod whose namespace is not ready gets a scheduling gate" { check pod-held; }
@test "pod-held-beside-its-own-gate: after its own gates" { check pod-held-beside-its-own-gate; }
@test "pod-held-already: once" { check pod-held-already; }
@test "pod-with-a-node-is-not-held: a Pod that names its node cannot wait: 403" { check pod-with-a-node-is-not-held; }
@test "pod-placed-where-pods-are-held: in a ready namespace it is placed" { check pod-placed-where-pods-are-held; }
@test "pod-leaves-the-gate-too-early: landlord's gate taken away while the namespace is not ready: 403" { check pod-leaves-the-gate-too-early; }
@test "pod-leaves-landlords-gate-of-two: also with another gate left" { check pod-leaves-landlords-gate-of-two; }
@test "pod-leaves-its-last-gate: its own last gate: it gets the selector that its namespace has now" { check pod-leaves-its-last-gate; }
@test "pod-leaves-its-last-gate-for-another-pool: and 403 if it has that of before" { check pod-leaves-its-last-gate-for-another-pool; }
@test "pod-leaves-one-gate-of-two: with a gate left it still waits, and nothing is read" { check pod-leaves-one-gate-of-two; }
@test "pod-released-by-the-controller: the controller releases by what it knows itself" { check pod-released-by-the-controller; }
@test "pod-edited: other edits of Pods pass" { check pod-edited; }
@test "pod-not-placed: without pods.place, Pods pass" { check pod-not-placed; }
@test "delete: operations that the policy does not ask for pass" { check delete; }

@test "settings with each kind of mistake are refused with field and fix" {
  local count; count=$(jq length settings-mistakes.json)
  [ "$count" -gt 0 ]
  for ((i = 0; i < count; i++)); do
    run "$KWCTL" run --request-path requests/delete.json --settings-json "$(jq -c ".[$i].settings" settings-mistakes.json)" "$POLICY"
    [ "$status" -ne 0 ]
    while IFS= read -r part; do
      [[ "$output" == *"$part"* ]] || { echo "mistake $i: no ${part@Q} in: $output"; return 1; }
    done < <(jq -r ".[$i].message[]" settings-mistakes.json)
  done
}

# block MARKER [PAGE]: the code block of the README, or of another page, after `<!-- MARKER -->`.
block() {
  awk -v marker="<!-- $1 -->" '$0 == marker { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' "../${2:-README.md}"
}

# run_example PAGE: the answer to the example of a page.
run_example() {
  local command
  command=$(block 'test: run' "$1" | sed -n '/^\$ kwctl/,$p' | sed 's/^\$ //')
  [[ "$command" == kwctl\ run* ]]
  kwctl() { "$KWCTL" "$@"; }
  command=${command/annotated-policy.wasm/"$POLICY"}
  cd ..
  run eval "$command"
  [ "$status" -eq 0 ]
  [ "$(jq -r '.allowed, .patchType' <<<"$output" | paste -sd ' ')" = "true JSONPatch" ]
}

@test "the run example of the policy's page answers with a patch" { run_example docs/policy.md; }

# Where in its pool a Pod lands, and how many would land outside, is the scheduler's choice.
without_chance() {
  sed -E 's/-[12]  +ok$/-N ok/; s/without: [0-9]+/without: M/; s/in [0-9.]+ s( \([0-9]+\/s\))?/in T s/'
}

@test "the README shows what the demo prints" {
  local shown; shown=$(block 'output: demo' | grep -v '^…$')
  [ -n "$shown" ]
  run --separate-stderr "$LOCAL_CLUSTER" demo --repository .. --policy "$POLICY"
  [ "$status" -eq 0 ]
  local printed; printed=$(without_chance <<<"$output")
  while IFS= read -r line; do
    [[ "$printed" == *"$line"* ]] || { echo "not printed: $line"; echo "$printed"; return 1; }
  done < <(without_chance <<<"$shown")
}

@test "the ten requests of show-fixtures are answered" {
  run env HOST="$KWCTL" POLICY="$POLICY" ../scripts/show-fixtures
  [ "$status" -eq 0 ]
  [[ "$output" == *"+    scheduler.alpha.kubernetes.io/node-selector: pool=solar"* ]]
  [ "$(grep -c '^denied' <<<"$output")" -eq 2 ]
}

@test "a pushed policy is pulled as it was, and answers from the registry" {
  start_registry
  run "$KWCTL" push --sources-path "$SOURCES" "$POLICY" "registry://$ADDRESS/landlord-policy:v1"
  [ "$status" -eq 0 ]
  [[ "$output" == *"Policy successfully pushed: $ADDRESS/landlord-policy@sha256:"* ]]
  "$KWCTL" pull --sources-path "$SOURCES" --output-path "$BATS_TEST_TMPDIR/pulled.wasm" "registry://$ADDRESS/landlord-policy:v1"
  cmp "$BATS_TEST_TMPDIR/pulled.wasm" "$POLICY"
  POLICY=registry://$ADDRESS/landlord-policy:v1
  check create-with-tenant-label
}

@test "policy and chart are published as the release does it" {
  local home=$HOME version; version=$(../scripts/check-version)
  start_registry
  HOME=$home ../scripts/helm package ../charts/landlord --destination "$BATS_TEST_TMPDIR/dist"
  run --separate-stderr env FLAGS="--sources-path $SOURCES" KWCTL="$KWCTL" POLICY="$POLICY" ../scripts/publish policy "$ADDRESS" "$version"
  [[ "$output" =~ ^$ADDRESS/landlord-policy@sha256:[0-9a-f]{64}$ ]]
  run --separate-stderr env HOME="$home" FLAGS=--plain-http DIST="$BATS_TEST_TMPDIR/dist" ../scripts/publish chart "$ADDRESS" "$version"
  [[ "$output" =~ ^$ADDRESS/charts/landlord@sha256:[0-9a-f]{64}$ ]]
  HOME=$home ../scripts/helm pull --plain-http "oci://$ADDRESS/charts/landlord" --version "$version" --destination "$BATS_TEST_TMPDIR"
  cmp "$BATS_TEST_TMPDIR/dist/landlord-$version.tgz" "$BATS_TEST_TMPDIR/landlord-$version.tgz"
}

@test "a commit of main is published as edge: by its own name and by the moving one" {
  local home=$HOME version
  start_registry
  HOME=$home ../scripts/edge-charts 0123456789ab "$BATS_TEST_TMPDIR/dist"
  run --separate-stderr env FLAGS="--sources-path $SOURCES" KWCTL="$KWCTL" POLICY="$POLICY" ../scripts/publish policy "$ADDRESS" edge-0123456789ab
  [[ "$output" =~ ^$ADDRESS/landlord-policy@sha256:[0-9a-f]{64}$ ]]
  for version in edge-0123456789ab edge; do
    "$KWCTL" pull --sources-path "$SOURCES" --output-path "$BATS_TEST_TMPDIR/$version.wasm" "registry://$ADDRESS/landlord-policy:$version"
    cmp "$BATS_TEST_TMPDIR/$version.wasm" "$POLICY"
  done
  for version in 0.0.0-edge-0123456789ab 0.0.0-edge; do
    run --separate-stderr env HOME="$home" FLAGS=--plain-http DIST="$BATS_TEST_TMPDIR/dist" ../scripts/publish chart "$ADDRESS" "$version"
    [[ "$output" =~ ^$ADDRESS/charts/landlord@sha256:[0-9a-f]{64}$ ]]
    HOME=$home ../scripts/helm pull --plain-http "oci://$ADDRESS/charts/landlord" --version "$version" --destination "$BATS_TEST_TMPDIR"
    cmp "$BATS_TEST_TMPDIR/dist/landlord-$version.tgz" "$BATS_TEST_TMPDIR/landlord-$version.tgz"
  done
}
