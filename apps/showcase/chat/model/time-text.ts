/** The words for days and times, in the language and time zone of the browser. */

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDayFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** The first millisecond of the day that a time lies in. */
export function dayOf(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

export function dayText(at: number, now: number): string {
  const day = dayOf(at);
  if (day === dayOf(now)) return "Today";
  const midnight = new Date(dayOf(now));
  if (day === new Date(midnight.getFullYear(), midnight.getMonth(), midnight.getDate() - 1).getTime())
    return "Yesterday";
  const isThisYear = new Date(at).getFullYear() === midnight.getFullYear();
  return (isThisYear ? dayFormat : yearFormat).format(at);
}

/** The time of day, and the day too when it is not the one it stands under. */
export function timeText(at: number, under: number | undefined): string {
  const time = timeFormat.format(at);
  return under === undefined || dayOf(at) === under ? time : `${shortDayFormat.format(at)}, ${time}`;
}

export function fullTimeText(at: number): string {
  return fullFormat.format(at);
}
