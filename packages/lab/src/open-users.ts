/** Opens users a few at a time, as a crowd that would all come at once is another question. Bounded. */
import type { VirtualUser } from "./users/virtual-user.js";

const atOnce = 64;
const patienceMs = 20_000;
const patiencePerUserMs = 25;
const newsMs = 200;

/** @returns how many are there when all had their time */
export async function openUsers(
  users: readonly VirtualUser[],
  onOpened: (count: number) => void,
): Promise<number> {
  const count = () => users.filter(({ isOpen }) => isOpen).length;
  const news = setInterval(() => onOpened(count()), newsMs);
  let next = 0;
  let isOver = false;
  const worker = async () => {
    for (let user = users[next++]; user && !isOver; user = users[next++]) await user.open();
  };
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs + users.length * patiencePerUserMs);
  });
  await Promise.race([Promise.all(Array.from({ length: atOnce }, worker)), patience]);
  isOver = true;
  clearTimeout(timer);
  clearInterval(news);
  onOpened(count());
  return count();
}
