import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { Random } from '../node/chaos/random.ts';
import { Clock, enterWorld, worldNow } from './clock.ts';
import { Faults, NO_FAULTS } from './faults.ts';
import { SimulatedObject } from './object.ts';
import { register } from './registry.ts';
import { Instance } from './worker.ts';

enterWorld();

/** A database that has room for so many writes more. */
class FullAtWill extends Faults {
  writes = Number.POSITIVE_INFINITY;
  resets = false;

  override isFull(): boolean {
    this.writes -= 1;
    return this.writes < 0;
  }

  override resetsWhenFull(): boolean {
    return this.resets;
  }
}

const AHEAD_MS = 1_000_000;
const FOR_EVER_MS = 1e18;

let objects = 0;

function anObject() {
  objects += 1;
  const faults = new FullAtWill(NO_FAULTS, Random.of(1, objects));
  const object = new SimulatedObject(`starts ${objects}`, new Clock(AHEAD_MS, FOR_EVER_MS, 0.25), faults);
  const instance = () => {
    const name = object.instanceName;
    register(env.INSTANCES.idFromName(name).toString(), { name, object, env: () => ({}) });
    return env.INSTANCES.getByName(name);
  };
  return { faults, object, instance };
}

/** What it commits, so that there is something to lose. */
async function countALogin({ instance }: ReturnType<typeof anObject>): Promise<void> {
  await instance().countLogins({ failed: 1, turnedAway: 0 });
  await instance().ring();
}

const WAYS = [
  { way: 'whose tables find no room', writes: 0, resets: false },
  { way: 'that is reset as its tables find no room', writes: 0, resets: true },
  { way: 'that cannot settle what was cut off', writes: 3, resets: false },
  { way: 'that is reset as it settles what was cut off', writes: 3, resets: true },
] as const;

test.each(WAYS)('an object $way has all that was committed when it can start', async ({ writes, resets }) => {
  const its = anObject();
  const { faults, object, instance } = its;
  await countALogin(its);
  const committed = object.log.length;
  object.supersede();

  for (let attempt = 0; attempt < 3; attempt += 1) {
    Object.assign(faults, { writes, resets });
    await expect(async () => instance().summary(0)).rejects.toThrow('database or disk is full');
    // What could not start has left its clock.
    expect(Math.abs(Date.now() - worldNow())).toBeLessThan(AHEAD_MS / 2);
  }
  expect(object.log.length).toBe(committed);

  faults.writes = Number.POSITIVE_INFINITY;
  const { totals } = await instance().summary(0);
  expect(totals.loginsFailed).toBe(1);
  expect(object.flaws).toEqual([]);
});

test('a double whose instances do not begin with what was committed is found out', async () => {
  const its = anObject();
  const { object, instance } = its;
  await countALogin(its);
  const at = object.log.findIndex(
    (statement) => 'query' in statement && statement.query.includes('INTO totals'),
  );
  object.log.splice(at, 1);
  object.supersede();

  await instance().summary(0);
  expect(object.flaws).toEqual([expect.stringContaining('totals lacks')]);
});

test('a double that takes itself for the storage below it is found out', async () => {
  const its = anObject();
  const { object, instance } = its;
  await countALogin(its);
  const committed = [...object.log];

  await runInDurableObject(instance(), (_, ctx) => {
    expect(() => new Instance(ctx, {})).toThrow('what another one has left');
  });
  expect(object.log).toEqual(committed);
  expect(object.flaws).toHaveLength(1);
});
