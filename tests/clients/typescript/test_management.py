"""Management calls of the TypeScript client with a real server."""

import json

import pytest

from tests.app.organizations import Api, Organization
from tests.clients.flaky_proxy import FlakyProxy
from tests.clients.typescript.conftest import CallFailed, Evaluate


def test_an_iteration_reads_all_pages(org: Organization, proxy: FlakyProxy, evaluate: Evaluate) -> None:
    names = {f"Key {number}" for number in range(5)}
    for name in names:
        org.key(name=name)
    code = """
        const names = [];
        for await (const key of client.keys.iterate({ per_page: 2, q: "Key" })) names.push(key.name);
        return names;
    """
    found = evaluate(code, url=proxy.url)
    assert (len(found), set(found)) == (5, names)
    targets = [request.split(b" ", 2)[1].decode() for request in proxy.requests]
    assert len(targets) == 3
    assert all("per_page=2" in target and "q=Key" in target for target in targets)


def test_an_iteration_requests_a_page_only_when_it_is_needed(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    for _ in range(3):
        org.key()
    code = """
        const keys = client.keys.iterate({ per_page: 1 });
        await keys.next();
        await keys.return();
        return null;
    """
    evaluate(code, url=proxy.url)
    assert len(proxy.requests) == 1


def test_the_activity_of_a_key_can_be_iterated(org: Organization, evaluate: Evaluate) -> None:
    key = org.key()
    for _ in range(3):
        org.verify(key.secret)
    code = """
        const since = new Date(Date.now() - 3_600_000);
        const types = [];
        const query = { per_page: 2, type: "api_key.used", from: since };
        for await (const entry of client.keys.iterateActivity(given.id, query)) types.push(entry.event);
        return types;
    """
    assert evaluate(code, id=key.id) == ["api_key.used"] * 3


def test_a_key_is_managed_from_its_creation_to_its_revocation(api: Api, org: Organization, evaluate: Evaluate) -> None:
    code = """
        const expires_at = new Date(Date.now() + 86_400_000);
        const { id, revision } = await client.keys.create({ name: "Agent", expires_at, rate_limit: { per_second: 5 } });
        const changed = await client.keys.update(id, { name: "Other", expires_at: null }, { ifMatch: revision });
        await client.keys.disable(id);
        await client.keys.enable(id);
        const rotated = await client.keys.rotate(id, { overlap_seconds: 3600 });
        const identified = await client.keys.identify({ sha256: await keyledger.sha256Of(rotated.key) });
        await client.keys.endSecrets(id);
        const dryRun = await client.keys.revokeMany({ ids: [id], reason: "compromised" });
        await client.keys.revoke(id, { reason: "compromised" });
        const detail = await client.keys.get(id);
        return [id, changed.name, changed.expires_at, identified.key.id, dryRun.matched, detail.status];
    """
    key_id, *rest = evaluate(code)
    assert rest == ["Other", None, key_id, 1, "revoked"]
    assert [event.partition(".")[2] for event in api.events_of(key_id) if "identified" not in event] == [
        "created",
        "details_changed",
        "expiration_changed",
        "disabled",
        "enabled",
        "rotated",
        "secret_retired",
        "revoked",
    ]


def test_a_change_with_an_outdated_revision_is_refused(org: Organization, evaluate: Evaluate) -> None:
    key = org.key()
    with pytest.raises(CallFailed) as failed:
        evaluate('await client.keys.update(given.id, { name: "Other" }, { ifMatch: 7 });', id=key.id)
    assert (failed.value.error["name"], failed.value.error["status"]) == ("RevisionMismatch", 412)


def test_the_other_groups_work(org: Organization, evaluate: Evaluate) -> None:
    code = """
        const server = { name: "Wiki", endpoint_url: "https://mcp.example.com/mcp", auth_type: "bearer" };
        const mcp = await client.mcps.create({ ...server, auth_token: new keyledger.Secret("hush-hush") });
        const names = await client.mcps.listNames();
        await client.mcps.delete(mcp.id);
        return {
          auth: mcp.auth_type,
          listed: names.map((each) => each.id === mcp.id),
          organization: (await client.organization.get()).id,
          members: (await client.members.list()).data.length,
          alerts: (await client.alerts.list()).pagination.total,
          usage: (await client.usage.get({ days: 7 })).period === "custom",
          audit: (await client.audit.list({ resource: mcp.id })).data.map((event) => event.event),
          servers: await client.listServers(),
          live: (await client.getLiveness()).status,
          ready: typeof (await client.getReadiness()).status,
        };
    """
    done = evaluate(code)
    assert done["organization"] == org.id
    assert done["audit"] == ["mcp.deleted", "mcp.created"]
    assert (done["auth"], done["listed"], done["servers"]) == ("bearer", [True], [])
    assert (done["members"], done["alerts"], done["usage"]) == (0, 0, True)
    assert (done["live"], done["ready"]) == ("live", "string")


def test_the_audit_log_is_exported_in_pieces(org: Organization, evaluate: Evaluate) -> None:
    org.key()
    code = """
        const decoder = new TextDecoder();
        let text = "";
        const pieces = client.audit.export({ format: "jsonl" });
        for await (const piece of pieces) text += decoder.decode(piece, { stream: true });
        return text;
    """
    *events, last = [json.loads(line) for line in evaluate(code).splitlines()]
    assert last["events"] == len(events) > 0


def test_an_export_that_is_cut_off_is_an_error(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf"]
    code = """
        const pieces = client.audit.export();
        const first = new TextDecoder().decode((await pieces.next()).value);
        const error = await pieces.next().catch((error) => error);
        return [first, error.name];
    """
    assert evaluate(code, url=proxy.url) == ["half", "IncompleteAnswer"]


def test_an_export_may_be_read_slowly(evaluate: Evaluate) -> None:
    """The timeout is for the service. It does not include the time that the caller takes for a piece."""
    code = """
        const { createServer } = await import("node:http");
        let answered;
        const server = createServer((_request, response) => (response.write("first"), (answered = response)));
        await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
        const options = { timeoutSeconds: 2 };
        const slow = new keyledger.Keyledger(`http://127.0.0.1:${server.address().port}`, "x", options);
        const pieces = [];
        for await (const piece of slow.audit.export()) {
          pieces.push(new TextDecoder().decode(piece));
          if (pieces.length === 1) {
            await new Promise((resolve) => setTimeout(resolve, 2_200));
            answered.end("last");
          }
        }
        server.close();
        return pieces;
    """
    assert evaluate(code) == ["first", "last"]
