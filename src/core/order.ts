/**
 * `added` goes into `items` beside its neighbour in `order`: after the nearest one before it, else
 * before the nearest one after it, else at the end. Where it lands depends on `order` alone, not on
 * what was added first.
 *
 * @param order the keys as we have them, `keyOf(added)` among them
 */
export function insertInOrder<Item>(
  items: readonly Item[],
  added: Item,
  order: readonly string[],
  keyOf: (item: Item) => string,
): readonly Item[] {
  const position = order.indexOf(keyOf(added));
  const places = new Map(items.map((item, index) => [keyOf(item), index]));
  const before = order.slice(0, position).findLast((key) => places.has(key));
  const after = order.slice(position + 1).find((key) => places.has(key));
  const place =
    before !== undefined
      ? (places.get(before) as number) + 1
      : after !== undefined
        ? (places.get(after) as number)
        : items.length;
  return items.toSpliced(place, 0, added);
}
