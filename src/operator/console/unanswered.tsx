/** Says which ledger objects did not answer, so that nothing is silently left out. */
export function Unanswered({ shards }: { shards: readonly { route: string; shard: number }[] }) {
  if (shards.length === 0) return null;
  const names = [...Map.groupBy(shards, ({ route }) => route)].map(
    ([route, of]) => `${of.map(({ shard }) => shard).join(', ')} of ${route}`,
  );
  return (
    <p class="notice bad" role="alert">
      <strong>
        {shards.length === 1 ? '1 ledger object does' : `${shards.length} ledger objects do`} not answer:
      </strong>{' '}
      {names.join('; ')}. What they hold is missing here, and new keys of theirs are answered with 503.
    </p>
  );
}
