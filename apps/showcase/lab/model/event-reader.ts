/** Reads server-sent events with the browser's own `EventSource`, which comes back by itself and says where it was. */
import { type Publication, Reader } from "./reader.js";

export class EventReader extends Reader {
  #source: EventSource | undefined;

  override start(): void {
    const { tally, EventSource } = this.context;
    tally.requests += 1;
    const source = new EventSource(`${this.channelUrl}/events?since=${this.since}`);
    this.#source = source;
    source.addEventListener("position", (event) => {
      tally.answers += 1;
      const { epoch } = JSON.parse((event as MessageEvent).data as string) as { epoch?: string };
      if (epoch !== undefined) this.epoch = epoch;
      this.open();
    });
    source.addEventListener("lost", () => tally.fail("the position could not be resumed"));
    source.onmessage = ({ data }: { readonly data: string }) => {
      tally.frames += 1;
      this.take(JSON.parse(data) as Publication);
    };
    source.onerror = () => {
      // EventSource would wait a second or two; the others here come back sooner, and all should be measured alike.
      source.close();
      if (this.#source === source) this.lost("the events ended");
    };
  }

  protected override release(): void {
    this.#source?.close();
  }
}
