/**
 * @module How the stream of a language model goes on, and whether it says that it failed.
 * Runs in: the ledger object.
 */

/** What an event of a stream says, as far as it matters here. */
export interface LlmEvent {
  readonly name: string;
  /** `done`: the text `[DONE]`. `other`: neither that nor a JSON document. */
  readonly data: 'none' | 'done' | 'json' | 'other';
  /** Members at the top of the JSON; empty where they are no texts. */
  readonly type: string;
  readonly object: string;
  /** Whether it has a `message` that is an object, as Anthropic's first event does. */
  readonly message: boolean;
  readonly candidates: boolean;
  /** The reason in the first of its choices, where it has one and whatever that is. */
  readonly finish: 'no-choice' | 'unfinished' | 'finished' | 'error';
  /** Whether the JSON has an `error` that is something, or calls itself one. */
  readonly error: boolean;
  /** Whether it has nothing else than what describes an error. */
  readonly onlyError: boolean;
}

type Protocol = 'chat' | 'responses' | 'messages' | 'gemini';

const CHAT_OBJECTS = ['chat.completion.chunk', 'text_completion'];
const RESPONSES_STARTS = ['response.created', 'response.in_progress', 'response.queued'];
const RESPONSES_ENDS = ['response.completed', 'response.incomplete'];

/**
 * How far the stream of a language model has got, and whether it says that it failed. The protocols are
 * OpenAI's chat completions and Responses, Anthropic's Messages, and Gemini's, known by what only their own
 * events have, whoever speaks them.
 */
export class LlmStream {
  #protocol: Protocol | null = null;
  #finished = false;
  #failed = false;
  #hasError = false;
  #lastIsOnlyError = false;

  see(event: LlmEvent): void {
    const { data, type, name } = event;
    // An event named so fails in each of the SDKs, whatever its data.
    if (name === 'error' || name === 'response.failed' || type === 'response.failed') this.#failed = true;
    if (data === 'done') this.#finished = true;
    if (data === 'other') this.#lastIsOnlyError = false;
    if (data !== 'json') return;
    this.#lastIsOnlyError = event.error && event.onlyError;
    if (event.error) this.#hasError = true;
    this.#follow(event);
  }

  /**
   * Whether it says that it failed. Data that calls itself an error counts in a stream of a known protocol;
   * in another, where it may be of one item of many, only as the last word and with nothing else in it.
   */
  get failed(): boolean {
    return this.#failed || this.#lastIsOnlyError || (this.#protocol !== null && this.#hasError);
  }

  /** Whether its protocol has an end mark that did not come. Gemini's has none. */
  get unfinished(): boolean {
    return this.#protocol !== null && this.#protocol !== 'gemini' && !this.#finished;
  }

  #follow({ type, object, message, candidates, finish }: LlmEvent): void {
    if (CHAT_OBJECTS.includes(object)) {
      this.#protocol = 'chat';
      if (finish === 'error') this.#failed = true;
      // `[DONE]` ends it by the book, but many who speak this protocol leave it out, and no SDK misses it.
      if (finish !== 'no-choice') this.#finished = finish !== 'unfinished';
    } else if (RESPONSES_STARTS.includes(type)) {
      this.#begin('responses');
    } else if (type === 'message_start' && message) {
      this.#begin('messages');
    } else if (RESPONSES_ENDS.includes(type) || type === 'message_stop') {
      this.#finished = true;
    } else if (candidates) {
      this.#protocol ??= 'gemini';
    }
  }

  #begin(protocol: Protocol): void {
    this.#protocol = protocol;
    this.#finished = false;
  }
}
