import { describe, expect, it } from "vitest";
import { ConnectionStatus, describeReturn, describeState } from "../../shared/line/connection-status.js";

function createStatus() {
  const clock = { now: 1_000_000, changes: 0 };
  const status = new ConnectionStatus(
    () => clock.now,
    () => {
      clock.changes += 1;
    },
  );
  return { status, clock };
}

function liveAndBack(rooms: string[]) {
  const { status } = createStatus();
  status.receiveConnected(rooms);
  status.receiveConnecting();
  status.receiveRetryDelay(700);
  status.receiveConnected(rooms);
  return status;
}

describe("connection status", () => {
  it("counts attempts and the time to the next one", () => {
    const { status, clock } = createStatus();
    status.receiveConnected([]);
    status.receiveConnecting();
    status.receiveRetryDelay(600);
    status.receiveRetryDelay(2_800);
    expect(status.current).toEqual({ state: "retrying", attempt: 2, retryAt: 1_002_800 });
    expect(status.retryDelaysMs).toEqual([600, 2_800]);
    expect(describeState(status.current, clock.now)).toEqual({
      ...{ label: "Connecting", detail: "attempt 2", countdown: 3 },
    });
    expect(describeState(status.current, clock.now + 3_000).countdown).toBeUndefined();
  });

  it("counts the first connection of a page as an attempt", () => {
    const { status } = createStatus();
    status.receiveConnecting();
    status.receiveRetryDelay(600);
    expect(status.current).toMatchObject({ attempt: 2 });
  });

  it("forgets the attempts of the break before", () => {
    const status = liveAndBack([]);
    status.receiveConnecting();
    status.receiveRetryDelay(500);
    expect(status.current).toMatchObject({ attempt: 1 });
    expect(status.retryDelaysMs).toEqual([500]);
  });

  it("is offline while the device is, and tries at once when it is back", () => {
    const { status } = createStatus();
    status.receiveDeviceOnline(false);
    status.receiveRetryDelay(9_000);
    expect(status.current.state).toBe("offline");
    status.receiveDeviceOnline(true);
    expect(status.current).toEqual({ state: "connecting", attempt: 2 });
  });

  it("stays live when a device without a network still has its server", () => {
    const { status } = createStatus();
    status.receiveConnected([]);
    status.receiveDeviceOnline(false);
    expect(status.current.state).toBe("live");
  });

  it("says why a connection ended for good", () => {
    const { status, clock } = createStatus();
    status.receiveDisconnected(3501, "bad request");
    expect(describeState(status.current, clock.now)).toMatchObject({
      ...{ label: "Offline", detail: "bad request (3501)" },
    });
  });

  it("tells what was recovered once every room is back", () => {
    const status = liveAndBack(["lobby", "tech"]);
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 20 });
    expect(status.lastReturn).toBeUndefined();
    status.receiveRoomReturn("tech", { isRecovered: true, count: 1 });
    expect(status.lastReturn).toMatchObject({ recovered: 21, lostRooms: [] });
    expect(status.recoveredTotal).toBe(21);
  });

  it("does not wait for rooms that are new, left or refused", () => {
    const status = liveAndBack(["lobby", "tech"]);
    status.forgetRoom("tech");
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 0 });
    expect(status.lastReturn).toMatchObject({ recovered: 0 });
  });

  it("takes a room left after another break for no return", () => {
    const status = liveAndBack(["lobby"]);
    status.receiveConnecting();
    status.forgetRoom("lobby");
    expect(status.lastReturn).toBeUndefined();
  });

  it("says nothing of a return when the page connects for the first time", () => {
    const { status } = createStatus();
    status.receiveConnected(["lobby"]);
    status.forgetRoom("lobby");
    expect(status.lastReturn).toBeUndefined();
  });

  it("tells of a room that the server had cut off on its own", () => {
    const status = liveAndBack([]);
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 3 });
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 4 });
    expect(status.lastReturn).toMatchObject({ recovered: 4 });
    expect(status.recoveredTotal).toBe(7);
  });

  it("forgets a return when the line breaks again, also before all rooms are back", () => {
    const status = liveAndBack(["lobby", "tech"]);
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 20 });
    status.receiveConnecting();
    status.receiveConnected(["lobby"]);
    status.receiveRoomReturn("lobby", { isRecovered: true, count: 2 });
    expect(status.lastReturn).toMatchObject({ recovered: 2 });
  });

  it("tells its owner of every change", () => {
    const { status, clock } = createStatus();
    status.receiveConnecting();
    status.receiveRetryDelay(500);
    status.receiveDeviceOnline(true);
    status.receiveConnected([]);
    status.receiveDisconnected(0, "disconnect called");
    expect(clock.changes).toBe(5);
  });
});

describe("the words for a return", () => {
  it.each([
    [0, [], "Back: no messages were missed"],
    [1, [], "Back: recovered 1 missed message"],
    [20, [], "Back: recovered 20 missed messages"],
    [20, ["tech"], "Back: some history could not be recovered, reloaded the latest"],
  ])("with %i recovered and %j lost", (recovered, lostRooms, text) => {
    expect(describeReturn({ at: 0, recovered, lostRooms })).toBe(text);
  });
});
