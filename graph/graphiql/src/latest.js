/**
 * Returns an async iterable of the newest value. It yields at most once per frame and skips
 * values in between. show sets the value, end ends the iteration, and onReturn is called when
 * the consumer stops.
 */
export function latest(frameMillis, onReturn) {
  let value;
  let unseen = false;
  let ended = false;
  let left = false;
  let wake = () => {};

  const woken = (millis) =>
    new Promise((resolve) => {
      wake = resolve;
      if (millis !== undefined) setTimeout(resolve, millis);
    });

  async function* values() {
    for (;;) {
      while (!unseen && !ended && !left) await woken();
      if (left || !unseen) return;
      unseen = false;
      yield value;
      const next = performance.now() + frameMillis;
      while (!ended && !left && performance.now() < next) await woken(next - performance.now());
    }
  }

  const iterator = values();
  return {
    show(newest) {
      value = newest;
      unseen = true;
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    iterable: {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => iterator.next(),
      return() {
        left = true;
        onReturn();
        wake();
        return iterator.return();
      },
    },
  };
}
