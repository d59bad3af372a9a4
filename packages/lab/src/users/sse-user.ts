/** A user of `EventSource`, which comes back with the id of the last event (WHATWG HTML §9.2). */
import { StreamUser } from "./stream-user.js";
import { labChannel, type UserContext } from "./virtual-user.js";

export class SseUser extends StreamUser {
  constructor(context: UserContext) {
    super(context, "\n\n");
  }

  protected override requestText(): string {
    return this.context.requests.events(`/channels/${labChannel}/events`, this.position);
  }

  protected override receive(event: string): void {
    const { tally } = this.context;
    // What has no data is a comment, or how long to wait before coming back.
    if (!/(?:^|\n)data:/.test(event)) return;
    tally.frames++;
    if (event.includes("event: lost")) this.checkRecovered(event);
    else if (event.includes("event: error"))
      tally.noteError(`the server ended a stream: ${event.slice(0, 200)}`);
    this.take(event);
    if (event.includes("event: position") || event.includes("event: lost")) this.opened();
  }
}
