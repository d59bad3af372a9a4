/**
 * Notifications: a channel of each person's own, which only the server publishes in, for other people, for programs with a
 * key, and later. What is read is kept in a map of the person's own, so that all windows know it at once.
 */
import { type AccessContext, channel, rpc } from "holdfast";
import { z } from "zod";
import { nobody, type RunningPart } from "../../server/part.js";
import { type Later, later, Mailbox, type MailboxContext } from "./mailbox.js";
import { keptNotices, type Marks, maxDelaySeconds } from "./marks.js";
import { createNoticeSchema, type Notice, type NoticeInput, noticeText } from "./notice.js";

const offset = z.number().int().min(1);
const offsets = z.array(offset).max(keptNotices).readonly().optional();

export function createNotices(context: MailboxContext, runLater: Later = later) {
  const { durability, isWelcome, now } = context;
  const mailbox = new Mailbox(context, runLater);
  const running: RunningPart = { start: () => mailbox.open(), stop: () => mailbox.close() };
  const isOwn = async ({ user, params }: AccessContext) =>
    user.id !== "" && user.id === params.user && (await isWelcome(user));
  const allow = { subscribe: isOwn, history: isOwn, publish: false, presence: false } as const;
  return {
    running,
    channels: {
      "notices:{user}": channel<NoticeInput, Notice>({
        data: createNoticeSchema(now),
        history: { size: keptNotices, ttl: "30d" },
        durability,
        allow,
      }),
      // What would look like somebody's, and must not be one of the channels for programs.
      "notices:{rest*}": channel({ allow: nobody }),
      "notice-marks:{user}": channel<Marks>({
        kind: "map",
        map: { ttl: "30d", maxKeys: 1 },
        // What counts is the newest value.
        history: { size: 10, ttl: "1h" },
        durability,
        allow,
      }),
      "notice-marks:{rest*}": channel({ allow: nobody }),
    },
    rpc: {
      notify: rpc({
        input: z.object({ name: z.string().min(1).max(200), text: noticeText }),
        allow: "users",
        handler: ({ user, data }) => mailbox.send(user, data.name, data.text),
      }),
      notifyMe: rpc({
        input: z.object({ seconds: z.number().int().min(1).max(maxDelaySeconds) }),
        allow: "users",
        handler: ({ user, data }) => mailbox.sendLater(user, data.seconds),
      }),
      markNotices: rpc({
        input: z.object({
          epoch: z.string().max(64),
          readTo: offset.optional(),
          read: offsets,
          dismiss: offsets,
        }),
        allow: "users",
        handler: ({ user, data }) => mailbox.mark(user, data),
      }),
    },
  } as const;
}
