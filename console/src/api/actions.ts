// Does something at the gateway: one key for each action, kept when that same action is tried again.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { ApiProblem, post } from "./client";

interface Attempt {
  path: string;
  body: object;
}

/**
 * `refresh` names the cached lists that the action changes. An answer that never came is asked for
 * again with the same key, so nothing is done twice.
 */
export function useAction<T>(refresh: readonly string[] = []) {
  const client = useQueryClient();
  const keyOf = useActionKey();
  return useMutation<T, Error, Attempt>({
    mutationFn: async ({ path, body }) => {
      const key = keyOf.take(path, body);
      try {
        const answer = await post<T>(path, body, key);
        keyOf.done();
        return answer;
      } catch (error) {
        if (error instanceof ApiProblem) keyOf.done();
        throw error;
      }
    },
    retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem),
    retryDelay: (failures) => 500 * 2 ** failures,
    onSettled: () => Promise.all(refresh.map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

function useActionKey() {
  const last = useRef<{ action: string; key: string } | null>(null);
  return {
    take(path: string, body: object): string {
      const action = `${path} ${JSON.stringify(body)}`;
      if (last.current?.action !== action) last.current = { action, key: crypto.randomUUID() };
      return last.current.key;
    },
    done(): void {
      last.current = null;
    },
  };
}
