/**
 * Sessions over WebSockets: admits requests that open one, encodes payloads as messages (text as text, bytes as binary), and
 * carries both directions. The protocol itself is websocket/'s, the socket is sockets/'s.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Encoding } from "../channels/batches.js";
import { type DeflateSettings, defaultDeflateSettings } from "../options/websocket.js";
import type { PeerPlace } from "../requests/addresses.js";
import { queryOf } from "../requests/exchange.js";
import type { AdmittedRequest, RequestPolicy, RequestRule } from "../requests/request-policy.js";
import type { PassedConnection, PassedSession } from "../sessions/handover.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { Transport, TransportEvents } from "../sessions/transport.js";
import { type AcceptedSocket, Acceptor } from "../sockets/acceptor.js";
import type { OpeningRequest } from "../sockets/opening-request.js";
import { pathOf } from "../sockets/opening-request.js";
import { attachSocket } from "../sockets/passed-socket.js";
import { type DriverContext, SocketDriver, type SocketOwner } from "../sockets/socket-driver.js";
import { TracedStream, type TraceSocket } from "../sockets/traced-stream.js";
import type { CloseStatus } from "../websocket/connection.js";
import { Compressor, type Deflate } from "../websocket/deflate.js";
import { encodeFrame, maxCloseReasonBytes, Opcode } from "../websocket/frame.js";
import type { DeflateAgreement, RawHeaders } from "../websocket/handshake-fields.js";
import { type MessageData, PreparedMessage } from "../websocket/message.js";
import { type Rejection, reject } from "../websocket/opening-handshake.js";
import type { Codec, Encoded, Encoder } from "../wire/codec.js";
import { chooseCodec, codecs, defaultCodec } from "../wire/codecs.js";
import { type Disconnect, disconnect } from "../wire/codes.js";
import type { Reply } from "../wire/messages.js";
import type { Admission, AdmittedConnection, Peer } from "./admission.js";
import { type StreamSession, toConnectCommand, toConnectPush } from "./stream-transport.js";

export interface WebSocketListenerOptions {
  readonly handler: SessionRegistry;
  readonly context: DriverContext;
  /** Without context takeover; undefined for no compression. */
  readonly compression: DeflateSettings | undefined;
  readonly policy: RequestPolicy;
  readonly rule: RequestRule;
  /** The path for clients that only read. */
  readonly oneWayPath: string;
  readonly admission: Admission;
  /** Undefined if no connection is looked into. */
  readonly traceSocket: TraceSocket | undefined;
  /** A connection comes from another process. */
  readonly onAdopted: (socket: Socket) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Opens sessions for WebSocket handshakes, or refuses these with a reason. */
export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #acceptor: Acceptor;
  /** From the decision on a request until its socket is open. */
  readonly #admitted = new WeakMap<OpeningRequest, AdmittedRequest>();
  readonly #encodings = new WebSocketEncodings();
  /** One function for all connections, since each keeps it. */
  readonly #onGone: (transport: WebSocketTransport, code: number) => void;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    const { admission } = options;
    this.#onGone = (transport, code) => admission.leave(transport, code);
    this.#acceptor = new Acceptor({
      clock: options.context.clock,
      findRefusal: (request) => this.#findRefusal(request),
      chooseProtocol,
      compression: options.compression,
      // Decisions are synchronous.
      decisionTimeoutMs: 1,
      maxDecisions: 0,
      onAccepted: (accepted) => this.#open(accepted),
      onError: options.onError,
    });
  }

  /** For the `upgrade` event of a server for HTTP/1.1. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    this.#acceptor.upgrade(request, socket, head);
  }

  /** For an extended CONNECT of HTTP/2. */
  connect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders): void {
    this.#acceptor.connect(stream, headers, rawHeaders);
  }

  /** Why an ordinary request to the WebSocket's path does not open one. */
  explain(request: IncomingMessage): Rejection {
    return this.#acceptor.explain(request);
  }

  /** Also for upgrade requests to other paths. */
  refuseUpgrade(socket: Duplex, rejection: Rejection): void {
    this.#acceptor.refuseUpgrade(socket, rejection);
  }

  /** Goes on with a connection that another process has had. @throws what the broker throws, in which case the connection is closed */
  async adopt({ snapshot, connection }: PassedSession): Promise<void> {
    const { handler, context, admission, compression } = this.#options;
    const { handle, head, agreed } = connection as PassedConnection & { readonly handle: object };
    const { codec: name, agreement, addressKey, hasOwnPings, confirmsFrames } = agreed as AgreedConnection;
    const codec = codecs.find((each) => each.name === name) ?? defaultCodec;
    const deflate = agreement && { agreement, settings: compression ?? defaultDeflateSettings };
    const stream = attachSocket({ handle, head: Buffer.from(head) });
    this.#options.onAdopted(stream);
    const peer = { request: noRequest, place: admission.adopt(addressKey) };
    const encoding = this.#encodings.for(codec, deflate);
    const accepted = { stream, deflate };
    const transport = new SdkWebSocketTransport(
      accepted,
      peer,
      { encoding, hasOwnPings },
      context,
      this.#onGone,
    );
    if (confirmsFrames) transport.confirmFrames();
    const session = handler.adopt(transport, snapshot);
    admission.add(transport, session, true);
    transport.pauseReading();
    transport.start(session, emptyBytes);
    try {
      await session.restore(snapshot);
    } catch (error) {
      session.close(disconnect("internalError"));
      throw error;
    }
    transport.resumeReading();
  }

  refuseConnect(stream: ServerHttp2Stream, rejection: Rejection): void {
    this.#acceptor.refuseStream(stream, rejection);
  }

  #findRefusal(request: OpeningRequest): Rejection | undefined {
    const { policy, rule, admission } = this.#options;
    const verdict = policy.decide(request, "GET", rule);
    const refusal = "status" in verdict ? verdict : admission.findRefusal(verdict);
    if (refusal) return reject(refusal.status, refusal.error.message, refusal.headers);
    this.#admitted.set(request, verdict as AdmittedRequest);
    return undefined;
  }

  #open(accepted: AcceptedSocket): void {
    const { handler, context, admission } = this.#options;
    const peer = admission.enter(this.#admitted.get(accepted.request) as AdmittedRequest);
    const { url } = peer.request;
    const query = url.includes("?") ? queryOf(url) : undefined;
    const { protocol, deflate } = accepted;
    const codec = chooseCodec({
      ...(protocol !== undefined && { subprotocols: [protocol] }),
      ...(query && { query }),
    });
    const traced = this.#trace(accepted);
    // It may follow a prefix.
    if (pathOf(url).endsWith(this.#options.oneWayPath)) {
      const encoding = this.#encodings.for(codec.oneWay, deflate);
      const transport = new OneWayWebSocketTransport(
        traced,
        peer,
        { encoding, codec },
        context,
        this.#onGone,
      );
      const session = handler.open(transport);
      admission.add(transport, session);
      transport.begin(session, traced.head, query?.get("cf_connect") || undefined);
      return;
    }
    const encoding = this.#encodings.for(codec, deflate);
    // For clients that answer Ping frames but do not know the protocol's pings, such as wscat.
    const hasOwnPings = query?.get("cf_ws_frame_ping_pong") === "true";
    const transport = new SdkWebSocketTransport(
      traced,
      peer,
      { encoding, hasOwnPings },
      context,
      this.#onGone,
    );
    const session = handler.open(transport);
    admission.add(transport, session);
    transport.start(session, traced.head);
  }

  #trace(accepted: AcceptedSocket): AcceptedSocket {
    const { stream, head, request, responseHead } = accepted;
    const { httpVersion, url, rawHeaders } = request;
    const terminate = () => void stream.destroy();
    const trace = this.#options.traceSocket?.({ httpVersion, url, rawHeaders, responseHead, terminate });
    if (trace === undefined) return accepted;
    if (head.length > 0) trace.received(head);
    return { ...accepted, stream: new TracedStream(stream, trace) };
  }
}

/** The first offered subprotocol that names a codec; a client that offers none gets no field. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  return offered.find((name) => codecs.some(({ subprotocol }) => subprotocol === name));
}

/** One encoding for all connections that encode and compress alike, so that readers of a channel share framed bytes. */
class WebSocketEncodings {
  /** For each codec at most one without compression, and one for each of the eight window sizes. */
  readonly #encodings = new Map<Encoder, Map<Compressor | undefined, Encoding>>();

  /** @param deflate negotiated without context takeover: with it, no two connections could share bytes */
  for<E extends Encoder>(codec: E, deflate: Deflate | undefined): Encoding<E> {
    const compressor = deflate && Compressor.shared(deflate.settings, deflate.agreement.serverMaxWindowBits);
    let ofCodec = this.#encodings.get(codec);
    if (ofCodec === undefined) {
      ofCodec = new Map();
      this.#encodings.set(codec, ofCodec);
    }
    let encoding = ofCodec.get(compressor);
    if (encoding === undefined) {
      encoding = createEncoding(codec, compressor);
      ofCodec.set(compressor, encoding);
    }
    return encoding as Encoding<E>;
  }
}

function createEncoding(codec: Encoder, compressor: Compressor | undefined): Encoding {
  return Object.freeze({
    codec,
    frame: (message: Encoded) => new PreparedMessage(message).frameFor(compressor),
  });
}

const emptyBytes = Buffer.alloc(0);
const noRequest: ConnectionRequest = Object.freeze({ headers: {}, url: "/", address: "" });

/** What was agreed on when the connection was opened. */
interface AgreedConnection {
  readonly codec: string;
  readonly agreement: DeflateAgreement | undefined;
  readonly addressKey: string | undefined;
  readonly hasOwnPings: boolean;
  readonly confirmsFrames: boolean;
}

/** RFC 6455 §5.5.2: peers answer pings in order with what else they read. */
const pingFrame: Uint8Array = encodeFrame(Opcode.ping, Buffer.alloc(0));

class WebSocketTransport implements Transport, SocketOwner, AdmittedConnection {
  readonly name: string = "websocket";
  readonly encoding: Encoding;
  readonly place: PeerPlace | undefined;
  readonly hasOwnPings: boolean;
  readonly #driver: SocketDriver;
  readonly #onGone: (transport: WebSocketTransport, code: number) => void;
  readonly #agreement: DeflateAgreement | undefined;
  #events: TransportEvents | undefined;
  #request: ConnectionRequest | undefined;
  #confirmsFrames = false;
  /** Ping frames without an answer, each of which says that the client has taken what was written before it. */
  #unconfirmed = 0;

  /** @param onGone called once the socket is gone */
  constructor(
    { stream, deflate }: Pick<AcceptedSocket, "stream" | "deflate">,
    { request, place }: Peer,
    { encoding, hasOwnPings }: { readonly encoding: Encoding; readonly hasOwnPings: boolean },
    context: DriverContext,
    onGone: (transport: WebSocketTransport, code: number) => void,
  ) {
    this.encoding = encoding;
    this.place = place;
    this.hasOwnPings = hasOwnPings;
    this.#onGone = onGone;
    this.#request = request;
    this.#agreement = deflate?.agreement;
    this.#driver = new SocketDriver("server", stream, deflate, context, this);
  }

  /** Starts reading. @param head bytes that came with the handshake */
  start(events: TransportEvents, head: Uint8Array): void {
    this.#events = events;
    this.#driver.start(head);
  }

  /** Forgets it, to keep connections small. */
  takeRequest(): ConnectionRequest {
    const request = this.#request ?? { headers: {}, url: "/", address: "" };
    this.#request = undefined;
    return request;
  }

  get unsentBytes(): number {
    return this.#driver.unsentBytes + this.#unconfirmed * pingFrame.length;
  }

  get lacksOnlyConfirmation(): boolean {
    return this.#unconfirmed > 0 && this.#driver.unsentBytes === 0;
  }

  write(frames: readonly Uint8Array[], isHandledAtOnce = false): void {
    if (!this.#confirmsFrames || isHandledAtOnce) {
      this.#driver.write(frames);
      return;
    }
    this.#unconfirmed++;
    this.#driver.write([...frames, pingFrame]);
  }

  confirmFrames(): void {
    this.#confirmsFrames = true;
  }

  /** RFC 6455 §5.5.2. */
  sendPing(): void {
    // At once: until the end of the turn it would look like bytes that the peer does not take.
    this.#driver.writePing();
  }

  pauseReading(): void {
    this.#driver.pauseReading();
  }

  resumeReading(): void {
    this.#driver.resumeReading();
  }

  consumeThrottled(): boolean {
    return this.#driver.consumeThrottled();
  }

  close({ code, reason }: Disconnect): void {
    this.#events = undefined;
    this.#driver.close(code, clipReason(reason));
  }

  destroy(): void {
    this.#events = undefined;
    this.#driver.terminate();
  }

  /** What a compressor remembers of earlier messages cannot be passed on. */
  get canBePassedOn(): boolean {
    const { serverNoContextTakeover = true, clientNoContextTakeover = true } = this.#agreement ?? {};
    return serverNoContextTakeover && clientNoContextTakeover && this.#driver.isDetachable;
  }

  get isMidMessage(): boolean {
    return this.#driver.isMidMessage;
  }

  passOn(): PassedConnection | undefined {
    const detached = this.#unconfirmed > 0 ? undefined : this.#driver.detach();
    if (detached === undefined) return undefined;
    this.#events = undefined;
    const agreed: AgreedConnection = {
      codec: this.encoding.codec.name,
      agreement: this.#agreement,
      addressKey: this.place?.key,
      hasOwnPings: this.hasOwnPings,
      confirmsFrames: this.#confirmsFrames,
    };
    return { ...detached, agreed };
  }

  receive(data: MessageData): void {
    this.#events?.receive(data);
  }

  receivePong(): void {
    if (this.hasOwnPings) this.#events?.receivePong();
    if (this.#unconfirmed === 0) return;
    this.#unconfirmed--;
    this.drained();
  }

  drained(): void {
    if (this.unsentBytes === 0) this.#events?.drained();
  }

  ended(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed();
  }

  closed({ code }: CloseStatus): void {
    this.#onGone(this, code);
  }
}

class SdkWebSocketTransport extends WebSocketTransport {
  declare readonly encoding: Encoding<Codec>;

  get codec(): Codec {
    return this.encoding.codec;
  }
}

/**
 * For clients that only read: pushes without an envelope, in channels that the server subscribes them to. The parameters of connect
 * are in the query, or are the first message, which is the last one, too.
 */
class OneWayWebSocketTransport extends WebSocketTransport {
  override readonly name = "uni_websocket";
  readonly #codec: Codec;
  #session: StreamSession | undefined;
  #isAsked = false;

  constructor(
    accepted: AcceptedSocket,
    peer: Peer,
    { encoding, codec }: { readonly encoding: Encoding; readonly codec: Codec },
    context: DriverContext,
    onGone: (transport: WebSocketTransport, code: number) => void,
  ) {
    super(accepted, peer, { encoding, hasOwnPings: true }, context, onGone);
    this.#codec = codec;
  }

  /** @param params of connect, if they are known */
  begin(session: StreamSession, head: Uint8Array, params: string | undefined): void {
    this.#session = session;
    if (params !== undefined) this.#connect(params);
    this.start(session, head);
  }

  /** Its client would have to be asked again what it wants. */
  override get canBePassedOn(): boolean {
    return false;
  }

  override receive(data: MessageData): void {
    if (this.#isAsked)
      this.#session?.close(disconnect("badRequest", "after connect, this connection takes no messages"));
    else this.#connect(data);
  }

  #connect(params: Encoded): void {
    this.#isAsked = true;
    // Those in a query are JSON, whatever comes back.
    const codec = typeof params === "string" ? defaultCodec : this.#codec;
    const command = toConnectCommand(codec.decodeConnect(params));
    this.#session?.execute(command, (reply) => this.#takeReply(reply), params.length);
  }

  #takeReply(reply: Reply): Encoded | undefined {
    const pushed = toConnectPush(reply);
    if (pushed === undefined) return undefined;
    if ("kind" in pushed) return this.encoding.codec.encodePush(pushed);
    this.#session?.close(pushed);
    return undefined;
  }
}

function clipReason(reason: string): string {
  if (Buffer.byteLength(reason) <= maxCloseReasonBytes) return reason;
  let clipped = reason.slice(0, maxCloseReasonBytes - 3);
  while (Buffer.byteLength(clipped) > maxCloseReasonBytes - 3) clipped = clipped.slice(0, -1);
  return `${clipped}…`;
}
